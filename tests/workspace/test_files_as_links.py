"""What is too big for a mail, or refused, goes out as a link: the mail, the public page, the agent's view of it."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.world import World

from answerback.core import clock
from answerback.desk.composing import uploads
from answerback.desk.composing.reply import Reply, reply
from answerback.outbound.models import Delivery, Message
from answerback.tickets.models import Attachment, Comment, FileLink, Ticket

TOO_BIG = "552 5.3.4 Message size exceeds fixed limit"
PAGE = b"<script>alert(1)</script>"


def answer_with_file(world: World, ticket: Ticket, as_links: bool = False) -> Comment:
    file = uploads.keep(PAGE, "Preis Liste.html", "text/html")
    answer = Reply("Here is the list.", public=True, attachments=[file], files_as_links=as_links)
    return reply(ticket.pk, answer, world.ada).comment


def text_of(message: Message) -> str:
    read = message_from_bytes(bytes(message.header) + b"\r\n" + bytes(message.body), policy=policy.default)
    part = read.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_of(comment: Comment) -> FileLink:
    return FileLink.objects.get(attachment__comment=comment)


def test_the_mail_names_the_link_and_carries_no_file(world: World) -> None:
    comment = answer_with_file(world, world.ticket(), as_links=True)
    message = Message.objects.get(comment=comment)
    link = link_of(comment)
    assert f"/files/{link.token}" in text_of(message)
    assert "Preis Liste.html (25 bytes)" in text_of(message)
    assert b"Content-Disposition: attachment" not in bytes(message.body)
    assert link.expires_at - clock.now() > timedelta(days=29)


def test_a_customer_reads_it_in_their_own_language(world: World) -> None:
    world.clara.language = "de"
    world.clara.save()
    comment = answer_with_file(world, world.ticket(), as_links=True)
    assert "Eine Datei für Sie:" in text_of(Message.objects.get(comment=comment))


def test_anybody_with_the_link_downloads_it_as_harmless_octets(world: World, client: Client) -> None:
    link = link_of(answer_with_file(world, world.ticket(), as_links=True))
    client.head(f"/files/{link.token}")
    answer = client.get(f"/files/{link.token}")
    assert b"".join(answer.streaming_content) == PAGE  # type: ignore[attr-defined]
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Preis Liste.html"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    link.refresh_from_db()
    assert link.downloads == 1
    assert client.get(f"/files/{link.token[:-1]}").status_code == 404
    assert client.get(f"/attachments/{link.attachment.token}/x").status_code == 302  # that one is for agents


def test_an_expired_link_says_so_and_whom_to_ask(world: World, client: Client) -> None:
    link = link_of(answer_with_file(world, world.ticket(), as_links=True))
    FileLink.objects.update(expires_at=clock.now() - timedelta(days=1))
    english = client.get(f"/files/{link.token}", headers={"Accept-Language": "en"})
    german = client.get(f"/files/{link.token}", headers={"Accept-Language": "de"})
    assert english.status_code == german.status_code == 410
    assert "This link has ended" in english.text
    assert "support@acme.test" in english.text
    assert "Dieser Link gilt nicht mehr" in german.text
    assert "Preis Liste" not in english.text


def test_an_agent_sees_the_downloads_and_withdraws_the_link(world: World, ada: Client, client: Client) -> None:
    ticket = world.ticket()
    link = link_of(answer_with_file(world, ticket, as_links=True))
    ada.get(f"/files/{link.token}")
    assert "fetched 1 time" in ada.get(f"/tickets/{ticket.pk}").text
    assert "Sent as links: Preis Liste.html" in ada.get(f"/tickets/{ticket.pk}?events").text
    told = ada.post(f"/files/{link.token}/withdraw", headers={"HX-Request": "true"}).text
    assert "withdrawn" in told
    assert Client().get(f"/files/{link.token}").status_code == 410


def test_the_lifetime_is_a_setting(world: World, settings: Any) -> None:
    settings.FILE_LINK_LIFETIME = 3600
    link = link_of(answer_with_file(world, world.ticket(), as_links=True))
    assert link.expires_at - clock.now() <= timedelta(hours=1)


def test_too_big_offers_the_same_files_as_links(world: World, ada: Client) -> None:
    ticket = world.ticket()
    failed_comment = answer_with_file(world, ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, TOO_BIG)
    card = ada.get(f"/deliveries/{failed.pk}/card").text
    assert f"/tickets/{ticket.pk}/composer?again={failed.pk}&amp;links=1" in card
    form = ada.get(f"/tickets/{ticket.pk}/composer?again={failed.pk}&links=1").text
    assert 'name="as_links" value="1" checked' in form
    kept = Attachment.objects.get(comment=failed_comment)
    sent = {"text": "Here is the list.", "public": "1", "keep": kept.token, "replaces": failed.pk, "as_links": "1"}
    ada.post(f"/tickets/{ticket.pk}/reply", sent | {"files": SimpleUploadedFile("more.txt", b"more")})
    again = world.delivery_to(world.clara)
    assert FileLink.objects.filter(attachment__comment=again.message.comment).count() == 2
    world.outcome(again, "250 2.0.0 Ok")
    ticket.refresh_from_db()
    assert ticket.delivery_health == ""
    assert Delivery.objects.get(pk=failed.pk).resolutions.get().how == "replied"
