"""Many tickets at once through the API, merging, tags and groups."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Call
from tests.world import World

from answerback.desk import jobs
from answerback.desk.models import Job
from answerback.tickets.models import Ticket


def test_many_tickets_are_changed_by_a_job(call: Call, world: World) -> None:
    first, second = world.ticket(), world.ticket()
    sent = {"ticket": {"priority": "high", "additional_tags": ["outage"]}}
    status, body = call("PUT", "tickets/update_many", sent, ids=f"{first.pk},{second.pk}")
    assert (status, body["job_status"]["status"], body["job_status"]["total"]) == (200, "queued", 2)
    while jobs.work():
        pass
    _, body = call("GET", f"job_statuses/{body['job_status']['id']}.json")
    done = body["job_status"]
    assert (done["status"], done["progress"]) == ("completed", 2)
    assert [(row["id"], row["success"]) for row in done["results"]] == [(first.pk, True), (second.pk, True)]
    assert call("GET", f"tickets/{first.pk}/tags")[1] == {"tags": ["outage"]}
    assert Ticket.objects.filter(priority="high").count() == 2
    assert len(call("GET", "job_statuses")[1]["job_statuses"]) == 1
    assert len(call("GET", "job_statuses/show_many", ids=done["id"])[1]["job_statuses"]) == 1


def test_each_its_own(call: Call, world: World) -> None:
    first, second = world.ticket(), world.ticket()
    sent = {"tickets": [{"id": first.pk, "status": "solved"}, {"id": second.pk, "comment": {"body": "Wait."}}]}
    key = {"Idempotency-Key": "many"}
    assert call("PUT", "tickets/update_many.json", sent, key) == call("PUT", "tickets/update_many.json", sent, key)
    while jobs.work():
        pass
    assert Job.objects.count() == 1
    assert Ticket.objects.get(pk=first.pk).status == "solved"
    assert second.comments.filter(text="Wait.", public=True).exists()


def test_no_ticket_no_job(call: Call) -> None:
    assert call("PUT", "tickets/update_many", {"ticket": {"status": "solved"}}, ids="999")[0] == 422
    assert call("PUT", "tickets/update_many", {"ticket": {"status": "asleep"}}, ids="999")[0] == 422


def test_merge(call: Call, world: World) -> None:
    target, other = world.ticket("The first"), world.ticket("Again")
    status, body = call("POST", f"tickets/{target.pk}/merge", {"ids": [other.pk], "target_comment": "The same."})
    assert (status, body["job_status"]["status"]) == (200, "completed")
    assert Ticket.objects.get(pk=other.pk).status == "closed"
    assert target.comments.filter(text="The same.", public=False).exists()
    assert call("POST", f"tickets/{target.pk}/merge", {"ids": [target.pk]})[0] == 422


def test_tags_of_a_ticket(call: Call, world: World) -> None:
    path = f"tickets/{world.ticket().pk}/tags"
    assert call("POST", path, {"tags": ["a", "b"]}) == (201, {"tags": ["a", "b"]})
    assert call("PUT", path, {"tags": ["c"]}) == (200, {"tags": ["a", "b", "c"]})
    assert call("DELETE", path, {"tags": ["a"]}) == (200, {"tags": ["b", "c"]})
    assert call("GET", "tags")[1]["tags"][0] == {"name": "b", "count": 1}


def test_groups(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(5):
        _, body = call("GET", "groups")
    assert [group["name"] for group in body["groups"]] == ["Support"]
    assert call("GET", f"groups/{world.group.pk}")[1]["group"]["name"] == "Support"
