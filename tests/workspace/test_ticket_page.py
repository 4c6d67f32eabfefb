"""What the agent sees of an answer's fate: the words of docs/agents.md, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.core import clock
from answerback.outbound.models import Lane
from answerback.store import blobs
from answerback.tickets.models import Attachment, Comment, Ticket
from answerback.workspace.templatetags.workspace import host_name

UNKNOWN = "550 5.1.1 No such user"
FULL = "552 5.2.2 Mailbox full"
TAKEN = "250 2.0.0 Ok"


@pytest.mark.parametrize(
    ("remote_mta", "name"),
    [
        ("mx.example.org", "mx.example.org"),
        ("mx.example.org[192.0.2.1]", "mx.example.org"),
        ("mx.example.org [192.0.2.1]:25", "mx.example.org"),
        ("dns; mx.example.org", "mx.example.org"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("", ""),
    ],
)
def test_servers_are_called_by_their_names(remote_mta: str, name: str) -> None:
    assert host_name(remote_mta) == name


def banner(page: str) -> str:
    """The text of the failure banner, "" without one."""
    found = re.search(r'role="status">\s*<p class="banner".*?<span>(.*?)</span>', page, re.S)
    return re.sub(r"\s+", " ", found[1]).strip() if found else ""


def warnings(page: str) -> list[str]:
    """Labels of the warning triangles."""
    return re.findall(r'data-warning[^>]*aria-label="([^"]*)"', page)


@pytest.fixture
def ticket(world: World) -> Ticket:
    return world.ticket(ccs=[world.deniz])


def test_one_recipient_in_all_is_named_with_cause_and_code(world: World, ada: Client, bruno: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    english, german = (browser.get(f"/tickets/{ticket.pk}").text for browser in (ada, bruno))
    assert banner(english) == "Not delivered to Clara Customer: mailbox full. 552 5.2.2"
    assert banner(german) == "Nicht zugestellt an Clara Customer: Postfach voll. 552 5.2.2"
    assert warnings(english) == ["Warning icon: not delivered to Clara Customer, show cause"]
    assert warnings(german) == ["Warnsymbol: nicht zugestellt an Clara Customer, Ursache anzeigen"]


def test_some_of_several(world: World, ticket: Ticket, ada: Client, bruno: Client) -> None:
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), TAKEN)
    world.outcome(world.delivery_to(world.deniz), UNKNOWN)
    english, german = (browser.get(f"/tickets/{ticket.pk}").text for browser in (ada, bruno))
    assert banner(english) == "Failed to deliver to some recipients"
    assert banner(german) == "Zustellung an einige Empfänger fehlgeschlagen"
    assert warnings(german) == ["Warnsymbol: nicht zugestellt an Deniz Demir, Ursache anzeigen"]
    assert "Resend to failed recipients" not in english  # mail to Deniz would only be held: the address has to change
    assert "Accepted by mx.customer.test" in english
    assert "Angenommen von mx.customer.test" in german


def test_all_of_several(world: World, ticket: Ticket, ada: Client, bruno: Client) -> None:
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    world.outcome(world.delivery_to(world.deniz), UNKNOWN)
    english = ada.get(f"/tickets/{ticket.pk}").text
    assert banner(english) == "Failed to deliver"
    assert "Resend to failed recipients" in english  # a full mailbox may have room by now
    assert banner(bruno.get(f"/tickets/{ticket.pk}").text) == "Zustellung fehlgeschlagen"


def test_a_single_held_recipient(world: World, ada: Client, bruno: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), UNKNOWN)
    world.answer(ticket, "Once more.")
    english, german = (browser.get(f"/tickets/{ticket.pk}").text for browser in (ada, bruno))
    assert "Not sent to Clara Customer: address is marked undeliverable" in english
    assert "Nicht gesendet an Clara Customer: Adresse ist als unzustellbar markiert" in german


def test_no_banner_while_everything_is_on_its_way(world: World, ticket: Ticket, ada: Client) -> None:
    world.answer(ticket)
    page = ada.get(f"/tickets/{ticket.pk}").text
    assert banner(page) == ""
    assert warnings(page) == []
    assert 'id="open-failures"' in page


def test_a_deferred_mail_says_when_it_goes_on(world: World, ada: Client, bruno: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "451 4.7.1 Greylisted")
    assert re.search(r"Still trying, attempt 2, next at \d\d:\d\d", ada.get(f"/tickets/{ticket.pk}").text)
    assert re.search(r"Weiterer Versuch um \d\d:\d\d \(Versuch 2\)", bruno.get(f"/tickets/{ticket.pk}").text)


def test_open_failures_stand_above_the_composer_until_somebody_handles_them(
    world: World, ticket: Ticket, ada: Client
) -> None:
    world.answer(ticket)
    delivery = world.delivery_to(world.deniz)
    world.outcome(delivery, UNKNOWN)
    page = ada.get(f"/tickets/{ticket.pk}").text
    assert page.index('id="open-failures"') < page.index('id="composer"')
    assert page.count("Go to comment") == 1
    ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "mark_handled", "note": "phoned"})
    page = ada.get(f"/tickets/{ticket.pk}").text
    assert "Go to comment" not in page
    assert "handled by Ada Agent" in page


def test_the_card_tells_cause_code_server_and_offers_buttons(world: World, ada: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, UNKNOWN)
    card = ada.get(f"/deliveries/{delivery.pk}/card").text
    for words in ("550 5.1.1", "Permanent", "mx.customer.test", "No such user", "Attempt 1", "Save and resend"):
        assert words in card
    assert "/delivery/causes#address_unknown" in card
    assert "cl…@customer.test" in card


def test_correcting_the_address_from_the_card_sends_again(world: World, ada: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, UNKNOWN)
    ada.post(
        f"/deliveries/{delivery.pk}/fix",
        {"fix": "correct_address", "address": "clara.right@customer.test", "and_resend": "1"},
    )
    again = world.delivery_to(world.clara)
    assert (again.recipient, again.resent_from_id) == ("clara.right@customer.test", delivery.pk)


def test_a_bad_address_on_the_card_keeps_what_was_typed(world: World, ada: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, UNKNOWN)
    response = ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "correct_address", "address": "clara(at)x"})
    assert "“clara(at)x” is not an e-mail address." in response.text
    assert 'value="clara(at)x"' in response.text


def test_events_name_the_trigger_and_every_failure(world: World, ticket: Ticket, ada: Client, bruno: Client) -> None:
    world.answer(ticket)
    world.outcome(world.delivery_to(world.deniz), UNKNOWN)
    english, german = (browser.get(f"/tickets/{ticket.pk}?events").text for browser in (ada, bruno))
    assert "Email notification" in english
    assert "Notify requester and CCs of comment update" in english
    assert "Not delivered to Deniz Demir: address does not exist. 550 5.1.1" in re.sub(r"\s+", " ", english)
    assert "E-Mail-Benachrichtigung" in german
    assert "system_email_notification_failure" in english


def test_an_answer_is_stored_mailed_and_sent_as_pending(world: World, ticket: Ticket, ada: Client) -> None:
    response = ada.post(f"/tickets/{ticket.pk}/reply", {"text": "Done.", "public": "1", "status": "pending"})
    assert response.status_code == 302
    comment = Comment.objects.latest("id")
    assert (comment.text, comment.public, comment.author) == ("Done.", True, world.ada.person)
    assert Ticket.objects.get(pk=ticket.pk).status == "pending"
    assert world.delivery_to(world.deniz, comment).state == "queued"


def test_a_note_is_mailed_to_no_customer_and_changes_no_status(world: World, ticket: Ticket, ada: Client) -> None:
    ada.post(f"/tickets/{ticket.pk}/reply", {"text": "Careful.", "public": "0", "status": ""})
    comment = Comment.objects.latest("id")
    assert comment.public is False
    assert not comment.messages.filter(kind="answer").exists()
    assert Ticket.objects.get(pk=ticket.pk).status == ticket.status


def test_an_answer_that_cannot_be_stored_keeps_its_text(world: World, ticket: Ticket, ada: Client) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    response = ada.post(f"/tickets/{ticket.pk}/reply", {"text": "A long answer."}, headers={"HX-Request": "true"})
    assert "closed meanwhile" in response.text
    assert "A long answer." in response.text


def full_disk(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if sql.startswith('INSERT INTO "tickets_comment"'):
        raise OperationalError("database or disk is full")
    return execute(sql, params, many, context)


@pytest.mark.parametrize("by_script", [True, False])
def test_a_full_disk_leaves_the_text_with_the_agent(world: World, ticket: Ticket, ada: Client, by_script: bool) -> None:
    """By script only the problem comes back, so that the field keeps its text and the caret its place."""
    typed = {"text": "A long answer.", "public": "1"}
    headers = {"HX-Request": "true"} if by_script else {}
    before = Comment.objects.count()
    with connection.execute_wrapper(full_disk):
        response = ada.post(f"/tickets/{ticket.pk}/reply", typed, headers=headers)
    assert "could not be stored" in response.text
    assert Comment.objects.count() == before
    if by_script:
        assert response.headers["HX-Retarget"] == "#composer-problem"
        assert "<form" not in response.text
    else:
        assert "A long answer." in response.text


def test_a_file_chosen_without_a_script_survives_a_full_disk(world: World, ticket: Ticket, ada: Client) -> None:
    typed = {"text": "See the plan.", "public": "1", "files": SimpleUploadedFile("plan.txt", b"plan")}
    with connection.execute_wrapper(full_disk):
        refused = ada.post(f"/tickets/{ticket.pk}/reply", typed)
    assert "plan.txt" in refused.text
    form = hidden_fields(refused.text)
    ada.post(f"/tickets/{ticket.pk}/reply", {"text": "See the plan.", "public": "1", **form})
    assert [file.file_name for file in Comment.objects.latest("id").attachments.all()] == ["plan.txt"]


def hidden_fields(page: str) -> dict[str, str]:
    """What the composer's form carries besides what is typed."""
    found = re.findall(r'<input type="hidden" name="(draft|version|seen|keep)" value="([^"]*)"', page)
    return dict(found)


def test_fields_save_at_once_and_answer_with_the_changed_parts(world: World, ticket: Ticket, ada: Client) -> None:
    response = ada.post(f"/tickets/{ticket.pk}/fields", {"priority": "urgent"}, headers={"HX-Request": "true"})
    assert Ticket.objects.get(pk=ticket.pk).priority == "urgent"
    assert 'id="ticket-fields"' in response.text
    assert 'hx-swap-oob="true"' in response.text


def test_beside_the_events_no_part_of_the_conversation_is_sent(world: World, ticket: Ticket, ada: Client) -> None:
    world.answer(ticket)
    page = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/tickets/{ticket.pk}?events"}
    parts = ada.get(f"/tickets/{ticket.pk}/live", headers=page).text
    assert 'aria-pressed="true"' in parts
    assert all(part not in parts for part in ('id="mail-', "#comments"))
    assert 'id="waiting"' in ada.get(f"/tickets/{ticket.pk}?events").text  # what was sent can be taken back there too
    assert 'id="mail-' in ada.get(f"/tickets/{ticket.pk}/live", headers={"HX-Request": "true"}).text


def test_the_live_parts_bring_only_comments_that_the_page_has_not(world: World, ticket: Ticket, ada: Client) -> None:
    first = Comment.objects.get(ticket=ticket)
    second = world.answer(ticket)
    fresh = ada.get(f"/tickets/{ticket.pk}/live?after={first.pk}").text
    assert f'id="comment-{second.pk}"' in fresh
    assert f'id="comment-{first.pk}"' not in fresh


def test_hostile_text_stays_text(world: World, ada: Client) -> None:
    ticket = world.ticket(subject="<script>alert(1)</script>")
    world.answer(ticket, "<img src=x onerror=alert(2)>")
    page = ada.get(f"/tickets/{ticket.pk}").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_html_mail_is_framed_under_a_policy_that_runs_nothing(world: World, ada: Client) -> None:
    ticket = world.ticket()
    comment = Comment.objects.get(ticket=ticket)
    Comment.objects.filter(pk=comment.pk).update(html='<p>Hi</p><img src="https://tracker.example/p.gif">')
    frame = ada.get(f"/comments/{comment.pk}/mail")
    policy = frame.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "https:" not in policy
    assert 'src="https://tracker.example' not in frame.text.replace("data-src", "")
    page = ada.get(f"/tickets/{ticket.pk}").text
    assert "1 image from the Internet is not shown." in page
    assert "https:" in ada.get(f"/comments/{comment.pk}/mail?images=1").headers["Content-Security-Policy"]


@pytest.mark.parametrize(("reason", "is_told"), [("auto-replied", True), ("", False)])
def test_an_absence_note_tells_when_its_writer_is_back(world: World, bruno: Client, reason: str, is_told: bool) -> None:
    ticket = world.ticket()
    written = datetime(2026, 8, 3, 9, tzinfo=UTC)
    text = "Ich bin bis zum 14.08. im Urlaub."
    Comment.objects.filter(ticket=ticket).update(automatic=reason, text=text, created_at=written)
    assert ("Zurück etwa am 14. August 2026" in bruno.get(f"/tickets/{ticket.pk}").text) is is_told


@pytest.mark.parametrize(
    ("reason", "words"), [("auto-replied", "Automatic reply"), ("list", "Automatic mail"), ("daemon-sender", "")]
)
def test_comment_says_that_a_program_wrote_it(world: World, ada: Client, reason: str, words: str) -> None:
    """A sender such as bounces@ gets no automatic answer, and may be a person."""
    ticket = world.ticket()
    Comment.objects.filter(ticket=ticket).update(automatic=reason)
    page = ada.get(f"/tickets/{ticket.pk}").text
    found = [one for one in ("Automatic reply", "Automatic mail") if f'<span class="badge">{one}</span>' in page]
    assert found == [words] * bool(words)


@pytest.mark.parametrize(
    ("html", "on_paper"), [("<p>Plain <b>bold</b></p>", False), ('<p style="color: #222">Dark ink</p>', True)]
)
def test_formatted_mail_reads_in_the_theme_unless_it_has_colours(
    world: World, ada: Client, html: str, on_paper: bool
) -> None:
    ticket = world.ticket()
    comment = Comment.objects.get(ticket=ticket)
    Comment.objects.filter(pk=comment.pk).update(html=html)
    assert ('class="paper"' in ada.get(f"/comments/{comment.pk}/mail").text) is on_paper
    assert ("mail-frame--paper" in ada.get(f"/tickets/{ticket.pk}").text) is on_paper


@pytest.mark.parametrize(
    ("html", "listed"), [("", True), ("<p>Hi</p>", True), ('<p><img src="cid:photo%40x"></p>', False)]
)
def test_a_picture_is_listed_unless_it_stands_in_the_text(world: World, ada: Client, html: str, listed: bool) -> None:
    ticket = world.ticket()
    comment = Comment.objects.get(ticket=ticket)
    Comment.objects.filter(pk=comment.pk).update(html=html)
    Attachment.objects.create(
        comment=comment, token="t" * 40, blob=blobs.save(b"png"), file_name="photo.png", content_type="image/png",
        size=3, inline=True, content_id="photo@x", created_at=clock.now(),
    )  # fmt: skip
    assert ("photo.png" in ada.get(f"/tickets/{ticket.pk}").text) is listed


def test_the_bar_says_since_when_answers_wait(world: World, ada: Client, bruno: Client) -> None:
    Lane.objects.create(destination="relay.acme.test", trouble_since=clock.now(), updated_at=clock.now())
    assert re.search(r"Answers are waiting: the mail server refuses us since \d\d:\d\d", ada.get("/views/open").text)
    assert re.search(r"Antworten warten: Der Mailserver lehnt seit \d\d:\d\d ab", bruno.get("/views/open").text)


def test_a_long_ticket_costs_no_more_queries_than_a_short_one(world: World, ticket: Ticket, ada: Client) -> None:
    world.answer(ticket)
    ada.get(f"/tickets/{ticket.pk}")
    with CaptureQueriesContext(
        connection,
    ) as short:
        ada.get(f"/tickets/{ticket.pk}")
    for number in range(6):
        world.answer(ticket, f"Answer {number}")
    world.outcome(world.delivery_to(world.deniz), UNKNOWN)
    ada.get(f"/tickets/{ticket.pk}")  # reads what she is told of it
    with CaptureQueriesContext(connection) as long:
        ada.get(f"/tickets/{ticket.pk}")
    assert len(long) <= len(short) + 1
