"""Many tickets at once through the API, merging, tags and groups."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Call
from tests.world import World

from answerback.desk import jobs
from answerback.desk.models import Job
from answerback.people import identities
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
    _, later = call("GET", f"job_statuses/{body['job_status']['id']}")
    assert later == body
    [result] = later["job_status"]["results"]
    assert (result["id"], result["action"], result["status"]) == (other.pk, "merge", "Merged")


def test_a_merge_has_no_way_back(call: Call, world: World) -> None:
    target, other = world.ticket("The first"), world.ticket("Again")
    _, body = call("POST", f"tickets/{target.pk}/merge", {"ids": [other.pk]})
    job = Job.objects.get(pk=body["job_status"]["id"])
    assert not jobs.may_undo(job)
    assert not jobs.may_start_again(job)


def test_many_tickets_are_made_by_a_job(call: Call, world: World) -> None:
    first = {
        "subject": "Order 7",
        "comment": {"body": "It left.", "html_body": "<p>It <b>left</b>.</p>"},
        "requester": {"name": "Rita", "email": "rita@ok.test"},
        "email_ccs": [{"user_id": world.deniz.pk}],
        "assignee_id": world.ada.person.pk,
        "group_id": world.group.pk,
        "priority": "high",
        "tags": ["order"],
    }
    second = {"subject": "Order 8", "comment": {"body": "A note.", "public": False}, "requester_id": world.clara.pk}
    key = {"Idempotency-Key": "made"}
    status, body = call("POST", "tickets/create_many.json", {"tickets": [first, second]}, key)
    assert (status, body["job_status"]["status"], body["job_status"]["total"]) == (200, "queued", 2)
    assert call("POST", "tickets/create_many.json", {"tickets": [first, second]}, key)[1] == body
    assert (Ticket.objects.count(), identities.find("rita@ok.test")) == (0, None)
    while jobs.work():
        pass
    done = call("GET", f"job_statuses/{body['job_status']['id']}")[1]["job_status"]
    assert [(row["action"], row["status"]) for row in done["results"]] == [("create", "Created")] * 2
    made = Ticket.objects.get(pk=done["results"][0]["id"])
    assert (made.subject, made.via, made.priority, made.assignee, made.group) == (
        "Order 7", "api", "high", world.ada, world.group,
    )  # fmt: skip
    assert (made.requester.name, made.submitter) == ("Rita", world.ada.person)
    assert list(made.tags.values_list("name", flat=True)) == ["order"]
    mailed = made.deliveries.exclude(kind="agent").order_by("recipient").values_list("recipient", flat=True)
    assert list(mailed) == ["deniz@customer.test", "rita@ok.test"]
    assert made.comments.get().html == "<p>It <b>left</b>.</p>"
    other = Ticket.objects.get(pk=done["results"][1]["id"])
    assert (other.requester, other.comments.get().public) == (world.clara, False)


def test_of_many_tickets_one_that_cannot_be_is_named(call: Call, world: World) -> None:
    good = {"subject": "Order 7", "comment": {"body": "It left."}, "requester": {"email": "rita@ok.test"}}
    status, body = call("POST", "tickets/create_many", {"tickets": [good, {"subject": "Empty"}]})
    assert (status, list(body["details"])) == (422, ["tickets.1.base"])
    assert call("POST", "tickets/create_many", {"tickets": []})[0] == 422
    assert call("POST", "tickets/create_many", {"tickets": [good] * 101})[0] == 422
    assert not Job.objects.exists()
    assert identities.find("rita@ok.test") is None


def test_a_ticket_whose_group_is_gone_meanwhile_is_not_made(call: Call, world: World) -> None:
    good = {"subject": "Order 7", "comment": {"body": "It left."}, "requester_id": world.clara.pk}
    newcomers = {"requester": {"email": "rita@ok.test"}, "email_ccs": [{"user_email": "rudi@ok.test"}]}
    of_a_group = {"subject": "Order 8", "comment": {"body": "It left."}, "group_id": world.group.pk} | newcomers
    _, body = call("POST", "tickets/create_many", {"tickets": [of_a_group, good]})
    world.group.delete()
    while jobs.work():
        pass
    done = call("GET", f"job_statuses/{body['job_status']['id']}")[1]["job_status"]
    assert [row["reason"] for row in done["results"]] == ["named_gone", "made"]
    assert Ticket.objects.count() == 1
    assert (identities.find("rita@ok.test"), identities.find("rudi@ok.test")) == (None, None)


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
