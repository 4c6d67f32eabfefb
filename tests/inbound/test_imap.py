"""Mail fetched by IMAP from a real Dovecot, and from servers that lie: stored once, marked after, trouble named."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from tests.inbound.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.world import World, make_world

from answerback.core import mail_settings
from answerback.inbound import fetching, imap_session
from answerback.inbound.imap_session import MailboxTroubleError, open_folder
from answerback.outbound.tokens import Signer
from answerback.store import raw
from answerback.store.mailboxes import Trouble
from answerback.store.models import MailboxState, RawMail
from answerback.tickets.models import Ticket
from answerback.workers import receive
from mailroom.imap_url import Mailbox, url_of

pytestmark = pytest.mark.django_db(transaction=True)
SUPPORT = "support@acme.test"
_NUMBERS = count()
WAIT = 20.0  # seconds; only a failing test waits that long


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def world(data_dir: Path, settings: Any) -> World:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    settings.AUTHSERV_ID = "mx.acme.test"
    return make_world()


@pytest.fixture
def mailbox(dovecot: Dovecot, world: World) -> Mailbox:
    """A folder of this one test."""
    folder = f"test-{next(_NUMBERS)}"
    with dovecot.client() as client:
        client.create_folder(folder)
    return Mailbox(
        "127.0.0.1", dovecot.port, "support", folder, PASSWORD, implicit_tls=False, tls="none", support_address=SUPPORT
    )


def _mail(number: int, *fields: str, text: str = "Hello") -> bytes:
    head = [f"Message-ID: <m{number}@customer.test>", f"Subject: Mail {number}", "To: Support <support@acme.test>"]
    named = {field.partition(":")[0] for field in fields}
    kept = [field for field in ["From: Clara <clara@customer.test>", *head] if field.partition(":")[0] not in named]
    return "\r\n".join([*kept, *fields, "", text, ""]).encode()


def _fetch(mailbox: Mailbox) -> int:
    with open_folder(mailbox) as session:
        return fetching.fetch_new(session, mailbox)


def _stored() -> list[RawMail]:
    return list(RawMail.objects.order_by("id"))


def _state(mailbox: Mailbox) -> MailboxState:
    return MailboxState.objects.get(name=mailbox.name)


def _eventually(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    return pytest.fail("did not come true")


# What is fetched


def test_unread_mail_at_first_and_then_whatever_comes(dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(_mail(1), mailbox.folder, ("\\Seen",))  # a person has seen to it long ago
    dovecot.append(_mail(2), mailbox.folder)
    assert _fetch(mailbox) == 1
    dovecot.append(_mail(3), mailbox.folder, ("\\Seen",))  # a person opened it before we came
    assert _fetch(mailbox) == 1
    assert _fetch(mailbox) == 0
    assert [raw.content(mail) for mail in _stored()] == [_mail(2), _mail(3)]
    receive.once()
    assert [ticket.subject for ticket in Ticket.objects.order_by("id")] == ["Mail 2", "Mail 3"]
    assert _state(mailbox).fetched == 2


def test_a_mailbox_named_while_all_runs_is_followed_and_left(dovecot: Dovecot, mailbox: Mailbox, settings: Any) -> None:
    settings.IMAP_URLS, settings.SMTP_LISTEN, settings.MAIL_SETTINGS_REPLACED = "", ("127.0.0.1", 0), {}
    dovecot.append(_mail(1), mailbox.folder)

    async def story() -> None:
        stop = asyncio.Event()
        receiving = asyncio.create_task(receive.run(stop))
        await sync_to_async(mail_settings.change)({"IMAP_URLS": url_of(mailbox)})
        async with asyncio.timeout(WAIT):
            while not await RawMail.objects.aexists():
                await asyncio.sleep(0.02)
        await sync_to_async(mail_settings.change)({"IMAP_URLS": ""})
        stop.set()
        await asyncio.wait_for(receiving, WAIT)
        await sync_to_async(connections.close_all)()

    asyncio.run(story())
    assert [mail.doorway for mail in _stored()] == [raw.IMAP]


def test_mail_of_one_fetch_comes_in_batches(
    dovecot: Dovecot, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "BATCH", 3)
    for number in range(10):
        dovecot.append(_mail(number), mailbox.folder)
    assert _fetch(mailbox) == 10
    assert len(_stored()) == 10


@pytest.mark.parametrize("then, left", [("seen", {"seen": 1}), ("keep", {"new": 1}), ("delete", {})])
def test_what_becomes_of_a_stored_mail(dovecot: Dovecot, mailbox: Mailbox, then: str, left: dict[str, int]) -> None:
    dovecot.append(_mail(1), mailbox.folder)
    _fetch(replace(mailbox, then=then))
    with dovecot.client() as client:
        client.select_folder(mailbox.folder, readonly=True)
        assert len(client.search("SEEN")) == left.get("seen", 0)
        assert len(client.search("UNSEEN")) == left.get("new", 0)


def test_a_stored_mail_is_moved(dovecot: Dovecot, mailbox: Mailbox) -> None:
    with dovecot.client() as client:
        client.create_folder("Done")
    dovecot.append(_mail(1), mailbox.folder)
    _fetch(replace(mailbox, then="move", move_to="Done"))
    with dovecot.client() as client:
        assert client.select_folder(mailbox.folder)[b"EXISTS"] == 0
        assert client.select_folder("Done")[b"EXISTS"] == 1


def test_a_mail_too_big_stays_and_is_counted(dovecot: Dovecot, mailbox: Mailbox, settings: Any) -> None:
    settings.MAX_MESSAGE_SIZE = 1000
    dovecot.append(_mail(1, text="x" * 2000), mailbox.folder)
    dovecot.append(_mail(2), mailbox.folder)
    assert _fetch(mailbox) == 1
    assert (_state(mailbox).left, _state(mailbox).last_uid) == (1, 2)


# Once, whatever happens


def test_a_crash_before_the_marks_doubles_nothing(
    dovecot: Dovecot, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.append(_mail(1), mailbox.folder)
    with monkeypatch.context() as broken:
        broken.setattr(imap_session.ImapSession, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _fetch(mailbox)
    assert _fetch(mailbox) == 0
    assert len(_stored()) == 1


def test_what_cannot_be_stored_is_fetched_again(
    dovecot: Dovecot, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.append(_mail(1), mailbox.folder)
    with monkeypatch.context() as full:
        full.setattr(raw, "save_all", lambda batch: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            _fetch(mailbox)
    assert _fetch(mailbox) == 1


def test_a_folder_numbered_anew_is_not_taken_in_again(dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(_mail(1), mailbox.folder)
    _fetch(mailbox)
    before = _state(mailbox).uid_validity
    with dovecot.client() as client:
        client.rename_folder(mailbox.folder, f"{mailbox.folder}-old")
        client.create_folder(mailbox.folder)
    dovecot.append(_mail(1), mailbox.folder, ("\\Seen",))
    dovecot.append(_mail(2), mailbox.folder)
    assert _fetch(mailbox) == 1
    assert _state(mailbox).uid_validity != before
    assert len(_stored()) == 2


def test_of_two_that_fetch_one_stores(dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(_mail(1), mailbox.folder)
    with open_folder(mailbox) as slow:
        place = fetching.mailboxes.opened(mailbox.name, slow.uid_validity, slow.uid_next)
        found = slow.new_since(place.last_uid, place.unseen_until)
        assert _fetch(mailbox) == 1
        with pytest.raises(fetching.TooLateError):
            fetching._store(slow, mailbox, place, found)
    assert len(_stored()) == 1


def test_one_mail_by_two_doors_is_one_comment(dovecot: Dovecot, mailbox: Mailbox) -> None:
    by_imap = b"Delivered-To: support@acme.test\r\nReceived: from x by imap.acme.test; now\r\n" + _mail(1)
    raw.save(_mail(1), doorway="smtp", envelope_from="clara@customer.test", envelope_to=[SUPPORT])
    dovecot.append(by_imap, mailbox.folder)
    _fetch(mailbox)
    receive.once()
    assert sorted(mail.state for mail in _stored()) == [RawMail.State.IGNORED, RawMail.State.TICKET]
    assert Ticket.objects.get().comments.count() == 1


def test_another_mail_with_its_message_id_is_another(dovecot: Dovecot, mailbox: Mailbox) -> None:
    raw.save(_mail(1), doorway="smtp", envelope_from="clara@customer.test", envelope_to=[SUPPORT])
    dovecot.append(_mail(1, text="Something else"), mailbox.folder)
    _fetch(mailbox)
    receive.once()
    assert {mail.state for mail in _stored()} == {RawMail.State.TICKET}


# Whom it is for


def test_a_reply_finds_its_ticket_by_the_token_it_was_sent_to(dovecot: Dovecot, mailbox: Mailbox, world: World) -> None:
    ticket = world.ticket()
    delivery = world.delivery_to(world.clara, world.answer(ticket))
    address = Signer.current().reply_to(world.support.address, delivery.participant_id)
    dovecot.append(_mail(1, f"To: {address}", text="Thanks"), mailbox.folder)
    _fetch(mailbox)
    receive.once()
    assert ticket.comments.latest("id").text == "Thanks"


@pytest.mark.parametrize(
    "fields, recipients",
    [
        (["Delivered-To: support+abc@acme.test", "To: list@elsewhere.test"], ["support+abc@acme.test"]),
        (["X-Original-To: postmaster@acme.test"], ["postmaster@acme.test"]),
        (["To: a@b.test", "Cc: Support <SUPPORT@acme.test>"], ["SUPPORT@acme.test"]),
        (["To: undisclosed-recipients:;"], [SUPPORT]),
    ],
)
def test_recipients_are_those_of_ours(fields: list[str], recipients: list[str], world: World) -> None:
    mailbox = Mailbox("h", 1, "u", support_address=SUPPORT)
    assert fetching.incoming_of(_mail(1, *fields), mailbox).envelope_to == recipients


def test_without_an_envelope_the_return_path_field_tells(world: World) -> None:
    incoming = fetching.incoming_of(_mail(1, "Return-Path: <bounce@customer.test>"), Mailbox("h", 1, "u"))
    assert (incoming.envelope_from, incoming.envelope_to) == ("bounce@customer.test", [SUPPORT])


# Following


@pytest.fixture
def following(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A thread that follows the folder, with short pauses."""
    monkeypatch.setattr(fetching, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(imap_session, "GLANCE", 0.1)
    stop = threading.Event()
    thread = threading.Thread(target=fetching.follow, args=(mailbox, stop))
    thread.start()
    yield mailbox
    stop.set()
    thread.join(WAIT)
    assert not thread.is_alive()
    connections.close_all()


def test_a_mail_is_there_by_itself(dovecot: Dovecot, following: Mailbox) -> None:
    _eventually(lambda: MailboxState.objects.filter(looked_at__isnull=False).exists())
    dovecot.append(_mail(1), following.folder)
    _eventually(_stored)


def test_without_idle_it_is_asked_for(
    dovecot: Dovecot, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(imap_session, "POLL_SECONDS", 0.1)
    has = imap_session.IMAPClient.has_capability
    monkeypatch.setattr(
        imap_session.IMAPClient, "has_capability", lambda self, name: name != "IDLE" and has(self, name)
    )
    request.getfixturevalue("following")
    _eventually(lambda: MailboxState.objects.filter(looked_at__isnull=False).exists())
    dovecot.append(_mail(1), mailbox.folder)
    _eventually(_stored)


def test_a_server_that_goes_and_comes_back_loses_nothing(dovecot: Dovecot, following: Mailbox) -> None:
    dovecot.append(_mail(1), following.folder)
    _eventually(_stored)
    dovecot.stop()
    _eventually(lambda: _state(following).trouble == Trouble.NETWORK)
    dovecot.start()
    dovecot.append(_mail(2), following.folder)
    _eventually(lambda: len(_stored()) == 2)
    _eventually(lambda: _state(following).trouble == Trouble.NONE)


# Trouble has a name


@pytest.mark.parametrize(
    "changes, trouble",
    [
        ({"password": "wrong"}, Trouble.SIGN_IN),
        ({"folder": "Nowhere"}, Trouble.FOLDER),
        ({"implicit_tls": True, "tls": "verify"}, Trouble.TLS),
        ({"tls": "verify"}, Trouble.TLS),  # no STARTTLS there
        ({"port": 1}, Trouble.NETWORK),
        ({"host": "no-such-host.invalid"}, Trouble.NETWORK),
    ],
)
def test_what_is_wrong_with_a_mailbox(mailbox: Mailbox, changes: dict[str, Any], trouble: str) -> None:
    with pytest.raises(MailboxTroubleError) as raised, open_folder(replace(mailbox, **changes)):
        pass
    assert raised.value.trouble == trouble
    assert raised.value.said
    assert "\n" not in raised.value.said
