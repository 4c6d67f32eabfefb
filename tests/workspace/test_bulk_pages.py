"""Fixing many in the browser's eyes: choose, see what would happen, start, see how it ended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.cli.checkout import ROOT
from answerback.desk.models import Job
from answerback.outbound import mail_domains
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.tickets.models import Ticket
from answerback.workers import work_jobs
from answerback.workspace import job_words

REFUSED = "554 5.7.1 Relay access denied"


def failing(world: World, address: str, text: str = REFUSED) -> Ticket:
    world.clara = identities.find_or_create(address, address.partition("@")[0].title(), "en").person
    ticket = world.ticket(f"From {address}")
    world.outcome(world.delivery_to(world.clara, world.answer(ticket)), text)
    return ticket


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the confirmation: what a browser would send along."""
    form = page[page.index('id="bulk"') :]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def confirmed(browser: Client, **post: Any) -> tuple[str, dict[str, str]]:
    page = browser.post("/bulk", post).text
    return page, hidden(page)


def test_chosen_tickets_are_foreseen_started_and_told(world: World, ada: Client) -> None:
    failed, fine = failing(world, "a@customer.example"), world.ticket()
    page, fields = confirmed(ada, act="resend", tickets=[failed.pk, fine.pk], view="undelivered", title="x")
    assert "1 mail will be sent again" in page
    assert "1 ticket has no open failure" in page
    started = ada.post("/bulk/start", fields)
    work_jobs.once()
    told = ada.get(started.headers["Location"]).text
    for words in ("Send again", "2 of 2", "1 done", "1 skipped", f"#{failed.pk}", "Sent again to a@customer.example."):
        assert words in told
    assert "every 3s" in told  # what was sent is on its way
    world.outcome(Delivery.objects.latest("id"), REFUSED)
    settled = ada.get(started.headers["Location"]).text
    assert "Not delivered: " in settled
    assert "every 3s" not in settled
    assert ada.post("/bulk/start", fields).headers["Location"] == started.headers["Location"]
    assert Job.objects.count() == 1


def test_what_can_be_taken_back_is_said_and_what_cannot(world: World, ada: Client, bruno: Client) -> None:
    first, second = failing(world, "a@customer.example"), failing(world, "b@customer.example")
    page, fields = confirmed(ada, act="resend", tickets=[first.pk, second.pk], view="undelivered", title="x")
    assert "Mail that still waits can be stopped. What was sent stays sent." in page
    url = ada.post("/bulk/start", fields).headers["Location"]
    work_jobs.once()
    assert 'value="undo"' in ada.get(url).text
    world.outcome(Delivery.objects.get(recipient="a@customer.example", state="queued"), "250 2.0.0 Ok")
    back = ada.post(f"{url}/act", {"act": "undo"}).headers["Location"]
    work_jobs.once()
    told = ada.get(back).text
    for words in ("Take back: send again", "a@customer.example: it has been sent already.", "1 done", "1 skipped"):
        assert words in told
    assert "Stopped before it went to b@customer.example. The failure is open as before." in told
    events = ada.get(f"/tickets/{second.pk}?events").text
    assert "Ada Agent stopped what was to be sent again to b@customer.example" in events

    _, fields = confirmed(bruno, act="resend", tickets=[second.pk], view="undelivered", title="x")
    url = bruno.post("/bulk/start", fields).headers["Location"]
    work_jobs.once()
    world.outcome(Delivery.objects.get(recipient="b@customer.example", state="queued"), "250 2.0.0 Ok")
    page = bruno.get(url).text
    assert 'value="undo"' not in page
    assert "Alles ist gesendet: Nichts davon lässt sich mehr zurücknehmen." in page


def test_a_whole_view_is_chosen_by_its_name(world: World, ada: Client, bruno: Client) -> None:
    tickets = [failing(world, f"{name}@customer.example") for name in "abc"]
    page, fields = confirmed(bruno, act="mark_handled", whole="1", view="undelivered", title="Undelivered replies")
    assert "3 Zustellfehler werden als erledigt markiert" in page
    bruno.post("/bulk/start", fields | {"note": "Alle angerufen"})
    work_jobs.once()
    assert not Ticket.objects.filter(pk__in=[one.pk for one in tickets], delivery_health="failed").exists()
    job = Job.objects.get()
    assert "Ansicht: Nicht zugestellte Antworten" in bruno.get(f"/jobs/{job.pk}").text
    page, _ = confirmed(ada, act="reassign", whole="1", q="subject:From")
    assert "3 tickets will be changed." in page


def test_failures_are_found_by_cause_domain_and_outage(world: World, ada: Client, bruno: Client) -> None:
    for name in "abc":
        failing(world, f"{name}@customer.example")
    failing(world, "full@other.example", "552 5.2.2 Mailbox full")
    page = ada.get("/delivery/failures").text
    for words in ("4 mails did not reach", "Outages", "By cause", "customer.example", "Mailbox full", "3 recipients"):
        assert words in page
    assert "Ausfälle" in bruno.get("/delivery/failures").text
    cause = Delivery.objects.get(recipient="full@other.example").cause
    page, fields = confirmed(ada, act="resend", among="cause", cause=cause)
    assert "1 mail will be sent again" in page
    ada.post("/bulk/start", fields)
    work_jobs.once()
    assert Delivery.objects.filter(recipient="full@other.example").count() == 2
    assert Delivery.objects.filter(recipient="a@customer.example").count() == 1


def test_no_failures_say_so_kindly(world: World, bruno: Client) -> None:
    assert "Alle Mails sind angekommen" in bruno.get("/delivery/failures").text


def test_a_domain_is_checked_foreseen_and_swapped(world: World, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(world, "anna@old.example")
    failing(world, "ben@old.example")
    identities.find_or_create("ben@new.example", "Another Ben")
    monkeypatch.setattr(mail_domains, "_ask", lambda name: name == "new.example")
    mail_domains.forget()
    monkeypatch.setattr(mail_domains.addresses, "is_reserved", lambda name: False)
    page, fields = confirmed(ada, act="swap_domain", among="domain", domain="old.example")
    asked = fields | {"old": "old.example"}
    assert "Which domain is the right one?" in ada.post("/bulk/start", asked).text
    assert "nowhere.example takes no mail" in ada.post("/bulk/start", asked | {"new": "nowhere.example"}).text
    page = ada.post("/bulk", asked | {"new": "new.example"}).text
    assert "1 mail will be sent to the corrected address" in page
    assert "anna@new.example" in page
    assert "1 new address belongs to somebody else already" in page
    assert Job.objects.count() == 0
    ada.post("/bulk/start", asked | {"new": "new.example"})
    work_jobs.once()
    assert identities.find("anna@new.example") is not None


def test_changing_tickets_tells_whom_triggers_would_mail(world: World, ada: Client) -> None:
    ticket = world.ticket()
    page, fields = confirmed(ada, act="update_tickets", tickets=[ticket.pk])
    assert "Choose what is to change." in ada.post("/bulk/start", fields).text
    page = ada.post("/bulk", fields | {"comment": "We are back.", "public": "1"}).text
    assert "Triggers would mail" in page
    assert "Clara Customer" in page
    assert ticket.comments.count() == 1


def test_a_group_to_assign_to_is_no_group_of_failures(world: World, ada: Client) -> None:
    failing(world, "a@customer.example")
    ticket = world.ticket()
    _, fields = confirmed(ada, act="reassign", tickets=[ticket.pk])
    chosen = fields | {"assignee": "", "group": str(world.group.pk)}
    assert "1 ticket will be changed." in ada.post("/bulk", chosen).text
    ada.post("/bulk/start", chosen)
    assert list(Job.objects.get().items.values_list("ticket_id", flat=True)) == [ticket.pk]


def test_a_job_is_cancelled_taken_back_and_only_by_whom_it_concerns(world: World, ada: Client, bruno: Client) -> None:
    ticket = world.ticket()
    _, fields = confirmed(bruno, act="reassign", tickets=[ticket.pk], assignee=world.ada.pk)
    url = bruno.post("/bulk/start", fields | {"assignee": world.ada.pk}).headers["Location"]
    assert ada.post(f"{url}/act", {"act": "cancel"}).status_code == 403
    work_jobs.once()
    page = bruno.get(url).text
    assert "Bearbeiter: – → Ada Agent" in page
    back = bruno.post(f"{url}/act", {"act": "undo"}).headers["Location"]
    work_jobs.once()
    ticket.refresh_from_db()
    assert ticket.assignee is None
    assert "Zurücknehmen: neu zuweisen" in bruno.get(back).text
    assert back in bruno.get(url).text


def test_lists_and_results_cost_a_fixed_number_of_queries(world: World, ada: Client) -> None:
    def look() -> list[int]:
        counts = []
        for url in ("/delivery/failures", f"/jobs/{job.pk}", "/jobs"):
            with CaptureQueriesContext(connection) as queries:
                ada.get(url)
            counts.append(len(queries))
        tickets = list(Ticket.objects.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as queries:
            ada.post("/bulk", {"act": "resend", "tickets": tickets})
        return [*counts, len(queries)]

    def start() -> Job:
        _, fields = confirmed(ada, act="mark_deliverable", tickets=list(Ticket.objects.values_list("pk", flat=True)))
        ada.post("/bulk/start", fields | {"note": "x"})
        work_jobs.once()
        return Job.objects.latest("id")

    failing(world, "a@customer.example")
    job = start()
    look()
    few = look()
    for name in "bcdef":
        failing(world, f"{name}@{name}.example")
    job = start()
    assert look() == few


def test_the_bar_shows_running_jobs(world: World, ada: Client) -> None:
    assert "hidden" in ada.get("/frame/jobs").text
    _, fields = confirmed(ada, act="reassign", tickets=[world.ticket().pk])
    ada.post("/bulk/start", fields | {"assignee": world.ada.pk})
    assert "1 job under way" in ada.get("/frame/jobs").text


def test_what_a_job_can_say_of_an_item_has_a_sentence() -> None:
    files = [*(ROOT / "src/answerback/desk/bulk").glob("*.py"), ROOT / "src/answerback/desk/jobs.py"]
    code = "".join(file.read_text("utf-8") for file in files)
    reasons = set(re.findall(r'(?:\b(?:done|skipped|failed)\(|Result\(\S+ )"(\w+)"', code)) | {"cancelled", "merged"}
    assert reasons >= {"complaint", "made", "released", "not_held"}
    assert reasons - job_words.REASONS.keys() == set()
