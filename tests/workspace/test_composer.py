"""What the composer says before anything is sent, and what it does with what was typed."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.world import World

from answerback.desk.models import Draft
from answerback.outbound import lanes
from answerback.outbound.models import Message
from answerback.people import identities
from answerback.people.models import DeliverabilityEntry
from answerback.rules.models import Macro
from answerback.tickets.models import Attachment, Comment, Ticket

PART = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def played_internet(settings: object) -> None:
    """The cast lives under .test, which would be reserved."""
    settings.SANDBOX = True  # type: ignore[attr-defined]


@pytest.fixture
def ticket(world: World) -> Ticket:
    return world.ticket(ccs=[world.deniz])


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def part(html: str, element_id: str) -> str:
    return words(html[html.index(f'id="{element_id}"') :][:6000])


def dead(world: World, ticket: Ticket, *people: object) -> None:
    """Mail to these people has just failed for good."""
    world.answer(ticket)
    for person in people:
        world.outcome(world.delivery_to(person), "550 5.1.1 User unknown")  # type: ignore[arg-type]


def test_a_draft_is_saved_found_again_and_marked_in_lists(ticket: Ticket, ada: Client, bruno: Client) -> None:
    saved = ada.post(f"/tickets/{ticket.pk}/draft", {"text": "Half a sentence", "public": "1"}).json()
    assert "Draft saved" in words(saved["said"])
    assert "Half a sentence" in ada.get(f"/tickets/{ticket.pk}").text
    assert "Half a sentence" not in bruno.get(f"/tickets/{ticket.pk}").text
    assert "You have a draft here" in ada.get("/search?q=Printer").text
    assert "Entwurf" not in bruno.get("/search?q=Printer").text


def test_the_second_window_is_told_that_both_drafts_are_kept(ticket: Ticket, ada: Client) -> None:
    url = f"/tickets/{ticket.pk}/draft"
    first = ada.post(url, {"text": "One", "public": "1"}).json()
    place = {"draft": first["draft"], "version": first["version"], "public": "1"}
    ada.post(url, {"text": "One window", **place})
    late = ada.post(url, {"text": "Other window", **place}).json()
    assert "Both are kept." in words(late["said"])
    assert "One window" in words(late["said"])
    assert late["draft"] != first["draft"]


def test_what_was_sent_stands_on_the_page_and_can_be_taken_back(ticket: Ticket, ada: Client, settings: object) -> None:
    settings.UNDO_SECONDS = 5  # type: ignore[attr-defined]
    sent = ada.post(f"/tickets/{ticket.pk}/reply", {"text": "Too quick.", "public": "1"}, headers=PART)
    assert "Sending in 5 s" in words(sent.text)
    assert Comment.objects.filter(ticket=ticket).count() == 1
    undone = ada.post(f"/drafts/{Draft.objects.get().pk}/undo", headers=PART)
    assert "Too quick.</textarea>" in undone.text
    assert "Sending in" not in words(undone.text)


def test_what_waits_looks_as_it_was_written(ticket: Ticket, ada: Client, settings: object) -> None:
    settings.UNDO_SECONDS = 5  # type: ignore[attr-defined]
    written = {"text": "So quick", "html": '<div style="x:y">So <b>quick</b></div>', "public": "1"}
    sent = ada.post(f"/tickets/{ticket.pk}/reply", written, headers=PART)
    waits = sent.text[sent.text.index("data-waiting=") :]
    assert "<div>So <b>quick</b></div>" in waits


def test_how_long_an_answer_waits_is_each_agents_own_choice(ticket: Ticket, ada: Client, settings: object) -> None:
    settings.UNDO_SECONDS = 5  # type: ignore[attr-defined]
    profile = {"name": "Ada Agent", "language": "en", "theme": "system"}
    ada.post("/profile", profile | {"undo_seconds": "30"})
    page = ada.post(f"/tickets/{ticket.pk}/reply", {"text": "Slow.", "public": "1"}, headers=PART)
    assert "Sending in 30 s" in words(page.text)
    assert '<option value="30" selected>30 seconds</option>' in ada.get("/profile").text
    ada.post("/profile", profile | {"undo_seconds": "0"})
    ada.post(f"/tickets/{ticket.pk}/reply", {"text": "At once.", "public": "1"})
    assert Comment.objects.latest("id").text == "At once."


def test_what_was_taken_back_is_sent_with_the_status_of_its_macro(
    ticket: Ticket, ada: Client, settings: object
) -> None:
    settings.UNDO_SECONDS = 5  # type: ignore[attr-defined]
    macro = Macro.objects.get(key="take_and_solve")
    ada.post(
        f"/tickets/{ticket.pk}/reply", {"text": "Done.", "public": "1", "status": "solved", "macro": str(macro.pk)}
    )
    undone = ada.post(f"/drafts/{Draft.objects.get().pk}/undo", headers=PART)
    assert re.search(r'value="solved" data-send>Send as solved<', undone.text)


def test_undo_that_comes_too_late_says_so(ticket: Ticket, ada: Client) -> None:
    ada.post(f"/tickets/{ticket.pk}/reply", {"text": "Gone.", "public": "1"})
    late = ada.post(f"/drafts/{Draft.objects.get().pk}/undo", follow=True)
    assert "It has been sent already." in late.text


def test_a_dead_address_is_told_with_cause_and_day_before_sending(
    world: World, ticket: Ticket, ada: Client, bruno: Client
) -> None:
    dead(world, ticket, world.clara)
    english = part(ada.get(f"/tickets/{ticket.pk}").text, "composer-recipients")
    assert re.search(r"Clara Customer’s address is marked undeliverable since \d+ \w+: address does not exist", english)
    assert "mailed to nobody" not in english
    german = part(bruno.get(f"/tickets/{ticket.pk}").text, "composer-recipients")
    assert "als unzustellbar markiert" in german


def test_where_nobody_can_be_mailed_the_composer_says_so(world: World, ticket: Ticket, ada: Client) -> None:
    dead(world, ticket, world.clara, world.deniz)
    assert "would be mailed to nobody" in part(ada.get(f"/tickets/{ticket.pk}").text, "composer-recipients")
    answer = ada.post(f"/tickets/{ticket.pk}/reply", {"text": "All the same.", "public": "1"})
    assert answer.status_code == 302  # warned, not blocked


def test_a_complaint_is_told(world: World, ticket: Ticket, ada: Client) -> None:
    identity = identities.primary_of(world.clara)
    assert identity is not None
    DeliverabilityEntry.objects.create(identity=identity, kind="complaint", at=ticket.created_at)
    assert "marked our mail as spam" in part(ada.get(f"/tickets/{ticket.pk}").text, "composer-recipients")


def test_who_gets_what_is_told_without_sending_anything(world: World, ticket: Ticket, ada: Client) -> None:
    dead(world, ticket, world.deniz)
    before = Message.objects.count(), Comment.objects.count(), Draft.objects.count()
    shown = words(ada.post(f"/tickets/{ticket.pk}/preview", {"text": "Look here.", "public": "1"}).text)
    assert "Notify requester and CCs of comment update" in shown
    assert re.search(r"Clara Customer clara@customer.test : will be mailed", shown)
    assert re.search(r"Deniz Demir CC deniz@customer.test : will not be mailed: the address is marked", shown)
    assert "Look here." in shown
    assert (Message.objects.count(), Comment.objects.count(), Draft.objects.count()) == before
    note = words(ada.post(f"/tickets/{ticket.pk}/preview", {"text": "Psst.", "public": "0"}).text)
    assert "Mailed to nobody: an internal note stays inside" in note


def test_somebody_who_answered_meanwhile_is_told_once(world: World, ticket: Ticket, ada: Client, bruno: Client) -> None:
    seen = Comment.objects.latest("id").pk
    bruno.post(f"/tickets/{ticket.pk}/reply", {"text": "I was quicker.", "public": "1"})
    typed = {"text": "Late.", "public": "1", "seen": seen}
    asked = ada.post(f"/tickets/{ticket.pk}/reply", typed, headers=PART).text
    assert "Bruno Lead answered meanwhile" in asked
    again = dict(re.findall(r'name="(draft|version|seen)" value="([^"]*)"', asked))
    ada.post(f"/tickets/{ticket.pk}/reply", typed | again, headers=PART)
    assert Comment.objects.latest("id").text == "Late."


def test_a_file_is_uploaded_at_once_and_sent_by_name(ticket: Ticket, ada: Client, bruno: Client) -> None:
    row = ada.post("/uploads", {"file": SimpleUploadedFile("plan.txt", b"the plan")})
    assert row.status_code == 201
    token = Attachment.objects.get().token
    assert ada.get(f"/attachments/{token}/plan.txt").status_code == 200
    assert bruno.get(f"/attachments/{token}/plan.txt").status_code == 404
    ada.post(f"/tickets/{ticket.pk}/reply", {"text": "See the plan.", "public": "1", "keep": token})
    comment = Comment.objects.latest("id")
    assert [file.file_name for file in comment.attachments.all()] == ["plan.txt"]
    assert b"plan.txt" in bytes(Message.objects.get(comment=comment, kind="answer").body)


def test_a_new_ticket_goes_the_same_way(world: World, ada: Client, settings: object) -> None:
    settings.UNDO_SECONDS = 5  # type: ignore[attr-defined]
    typed = {"requester": "nora@customer.test", "subject": "Your bike", "text": "We found it.", "public": "1"}
    waiting = ada.post("/tickets/new", typed, follow=True)
    assert "Sending in 5 s" in words(waiting.text)
    assert not Ticket.objects.filter(subject="Your bike").exists()
    undone = ada.post(f"/drafts/{Draft.objects.get().pk}/undo", follow=True)
    assert 'value="nora@customer.test"' in undone.text
    assert "We found it.</textarea>" in undone.text


def test_ccs_of_a_new_ticket_say_beforehand_whether_mail_will_arrive(world: World, ticket: Ticket, ada: Client) -> None:
    dead(world, ticket, world.deniz)
    add = {"cc": "nina@new.test", "add": "DENIZ@customer.test"}
    shown = ada.post("/tickets/new/ccs", add, headers=PART).text
    cc = "nina@new.test, DENIZ@customer.test"
    assert f'name="cc" value="{cc}"' in shown
    assert re.findall(r"chip chip--(\w+)", shown) == ["new", "bad"]
    assert "Deniz Demir’s address is marked undeliverable" in words(shown)
    assert "/addresses/warning?address=nina%40new.test" in shown
    saved = ada.post("/drafts", {"text": "Hello", "public": "1", "subject": "New", "cc": cc}).json()
    page = ada.get(f"/tickets/new?draft={saved['draft']}").text
    assert re.findall(r"chip chip--(\w+)", page) == ["new", "bad"]
    fewer = ada.post("/tickets/new/ccs", {"cc": cc, "remove": "DENIZ@customer.test"}, headers=PART).text
    assert 'name="cc" value="nina@new.test"' in fewer
    assert "Deniz" not in fewer
    named = ada.post("/tickets/new/ccs", {"cc": '"Berg, Nina" <nina@new.test>', "add": "nina@new.test"}, headers=PART)
    assert "<span>Berg, Nina</span>" in named.text
    assert 'value="&quot;Berg, Nina&quot; &lt;nina@new.test&gt;"' in named.text


def test_a_new_ticket_that_lacks_something_says_what(world: World, ada: Client) -> None:
    typed = {"requester": "not an address", "subject": "Your bike", "text": "We found it.", "public": "1"}
    assert "“not an address” is not an e-mail address." in ada.post("/tickets/new", typed).text


@pytest.mark.parametrize("url", ["/tickets/{ticket}", "/tickets/new?draft={draft}"])
def test_enter_in_the_field_for_ccs_adds_and_removes_nobody(ticket: Ticket, ada: Client, url: str) -> None:
    """Enter presses the form's first button; those of the chips come after it."""
    draft = ada.post("/drafts", {"text": "Hello", "public": "1", "cc": "nina@new.test"}).json()["draft"]
    page = ada.get(url.format(ticket=ticket.pk, draft=draft)).text
    buttons = re.findall(r'<button type="submit"[^>]*form="cc-form"[^>]*>', page)
    assert len(buttons) > 1
    assert "name=" not in buttons[0]


def test_known_people_are_offered(world: World, ada: Client) -> None:
    assert 'value="deniz@customer.test"' in ada.get("/addresses/known?add=den").text
    assert 'value="deniz@customer.test"' in ada.get("/addresses/known?add=Deniz D").text


def test_formatting_reaches_the_mail_and_its_text(ticket: Ticket, ada: Client) -> None:
    html = "<div>See <b>both</b>:</div><ul><li>tea</li><li>milk</li></ul><script>alert(1)</script>"
    ada.post(f"/tickets/{ticket.pk}/reply", {"text": "ignored", "html": html, "public": "1"})
    comment = Comment.objects.latest("id")
    assert comment.text == "See both:\n\n- tea\n- milk"
    assert "<b>both</b>" in comment.html
    assert "script" not in comment.html
    mail = bytes(Message.objects.get(comment=comment, kind="answer").body)
    assert b"- tea\r\n- milk" in mail
    assert b"<b>both</b>" in mail


def test_what_has_no_formatting_stays_plain_text(ticket: Ticket, ada: Client) -> None:
    link = '<a href="https://acme.test/x">https://acme.test/x</a>'
    ada.post(f"/tickets/{ticket.pk}/reply", {"html": f"<div>One</div><div>Two {link}</div>", "public": "1"})
    comment = Comment.objects.latest("id")
    assert (comment.text, comment.html) == ("One\nTwo https://acme.test/x", "")


def test_a_pasted_picture_stands_in_the_draft_and_travels_in_the_mail(ticket: Ticket, ada: Client) -> None:
    row = ada.post("/uploads", {"file": SimpleUploadedFile("shot.png", b"png", "image/png"), "inline": "1"}).text
    token, shown = Attachment.objects.get().token, re.search(r'data-picture="([^"]+)"', row)
    assert shown is not None
    typed = {"html": f'<div>Look: <img src="{shown[1]}" alt="shot.png"></div>', "public": "1", "keep": token}
    ada.post(f"/tickets/{ticket.pk}/draft", typed)
    assert f'<img src="{shown[1]}"' in ada.get(f"/tickets/{ticket.pk}").text
    ada.post(f"/tickets/{ticket.pk}/reply", typed)
    comment = Comment.objects.latest("id")
    assert comment.html.count("cid:") == 1
    assert comment.text == "Look: [shot.png]"
    mail = bytes(Message.objects.get(comment=comment, kind="answer").body)
    assert b"multipart/related" in mail
    assert b"Content-Disposition: inline" in mail


def test_a_picture_of_somebody_elses_upload_is_not_taken_in(ticket: Ticket, ada: Client, bruno: Client) -> None:
    bruno.post("/uploads", {"file": SimpleUploadedFile("secret.png", b"png", "image/png"), "inline": "1"})
    html = f'<div><b>Look</b> <img src="/attachments/{Attachment.objects.get().token}/secret.png"></div>'
    ada.post(f"/tickets/{ticket.pk}/reply", {"html": html, "public": "1"})
    comment = Comment.objects.latest("id")
    assert "cid:" not in comment.html.replace('cid:"', "")
    assert not comment.attachments.exists()


def test_files_too_large_for_the_relay_are_refused_before_sending_and_go_as_links(
    ticket: Ticket, ada: Client, settings: object
) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test:25"  # type: ignore[attr-defined]
    lanes.note_size("relay.acme.test:25", 1000)
    ada.post("/uploads", {"file": SimpleUploadedFile("plan.txt", b"x" * 900)})
    typed = {"text": "See the plan.", "public": "1", "keep": Attachment.objects.get().token}
    refused = ada.post(f"/tickets/{ticket.pk}/reply", typed)
    assert "too large for a mail (the limit is 720" in words(refused.text).replace("\xa0", " ")
    assert "plan.txt" in refused.text
    ada.post(f"/tickets/{ticket.pk}/reply", typed | {"as_links": "1"})
    assert Comment.objects.latest("id").text == "See the plan."


def test_as_links_pictures_stay_in_the_text_and_files_become_links(
    ticket: Ticket, ada: Client, settings: object
) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test:25"  # type: ignore[attr-defined]
    lanes.note_size("relay.acme.test:25", 1000)
    ada.post("/uploads", {"file": SimpleUploadedFile("plan.txt", b"x" * 900)})
    ada.post("/uploads", {"file": SimpleUploadedFile("shot.png", b"p" * 500, "image/png"), "inline": "1"})
    plan, shot = Attachment.objects.order_by("id")
    html = f'<div>Look: <img src="/attachments/{shot.token}/shot.png" alt="shot.png"></div>'
    typed = {"html": html, "public": "1", "keep": [plan.token, shot.token], "as_links": "1"}
    ada.post(f"/tickets/{ticket.pk}/reply", typed)
    comment = Comment.objects.latest("id")
    mail = bytes(Message.objects.get(comment=comment, kind="answer").body)
    assert b"shot.png" in mail
    assert b"/files/" in mail
    assert list(comment.attachments.filter(link__isnull=False).values_list("file_name", flat=True)) == ["plan.txt"]
    ada.post("/uploads", {"file": SimpleUploadedFile("big.png", b"p" * 900, "image/png"), "inline": "1"})
    big = Attachment.objects.latest("id")
    typed |= {"html": html.replace(shot.token, big.token), "keep": [big.token]}
    refused = ada.post(f"/tickets/{ticket.pk}/reply", typed)
    assert "too large for a mail" in words(refused.text)  # a picture goes with the mail, whatever becomes of files


def test_a_picture_that_was_taken_out_again_is_not_sent(ticket: Ticket, ada: Client) -> None:
    ada.post("/uploads", {"file": SimpleUploadedFile("shot.png", b"png", "image/png"), "inline": "1"})
    typed = {"html": "<div>No <b>picture</b>.</div>", "public": "1", "keep": Attachment.objects.get().token}
    ada.post(f"/tickets/{ticket.pk}/reply", typed)
    assert not Comment.objects.latest("id").attachments.exists()
