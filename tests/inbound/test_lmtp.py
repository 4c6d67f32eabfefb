"""LMTP from a mail server on this machine: over TCP and a socket, a reply for each recipient, the same storing."""

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from tests.inbound.conftest import Listening

from answerback.inbound.smtp import Doorway
from answerback.inbound.storing import Storing
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import SupportAddress

MAIL = b"From: c@customer.test\r\nSubject: s\r\n\r\n.Hello\r\n"


@pytest.fixture(params=["tcp", "socket"])
def lmtp(
    request: pytest.FixtureRequest, support: SupportAddress, data_dir: Path, settings: object
) -> Iterator[Listening]:
    """Listening at a free port, or at the path that stands as `host`."""
    settings.MAIL_DOMAIN, settings.RETURN_PATH_DOMAIN = "acme.test", "back.acme.test"  # type: ignore[attr-defined]
    settings.MAX_MESSAGE_SIZE = 100_000  # type: ignore[attr-defined]
    place = "127.0.0.1:0" if request.param == "tcp" else str(data_dir / "lmtp")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[Storing, Doorway]:
        storing = Storing()
        door = Doorway(storing)
        await door.start_lmtp(place)
        return storing, door

    async def stop() -> None:
        await door.stop()
        await storing.close()

    storing, door = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    host, port = door._servers[0].sockets[0].getsockname()[:2] if request.param == "tcp" else (place, 0)
    yield Listening(host, port)
    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    connections.close_all()


def test_each_recipient_has_a_reply_and_the_mail_is_stored_once(lmtp: Listening) -> None:
    with smtplib.LMTP(lmtp.host, lmtp.port) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("c@customer.test")
        assert client.rcpt("support@acme.test")[0] == 250
        assert client.rcpt("stranger@acme.test")[0] == 550
        assert client.rcpt("postmaster@acme.test")[0] == 250
        assert client.data(MAIL)[0] == 250
        assert client.getreply()[0] == 250  # of the second one that was taken
        assert client.noop()[0] == 250  # and there is no third
    [mail] = RawMail.objects.all()
    assert (mail.doorway, mail.envelope_to) == ("lmtp", ["support@acme.test", "postmaster@acme.test"])
    assert raw.content(mail) == MAIL


def test_a_refusal_is_for_each_recipient(lmtp: Listening) -> None:
    with smtplib.LMTP(lmtp.host, lmtp.port) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("c@customer.test")
        for _ in range(2):
            client.rcpt("support@acme.test")
        assert client.data(b"x" * 200_000)[0] == 552
        assert client.getreply()[0] == 552
    assert not RawMail.objects.exists()


def test_smtp_is_not_spoken_there(lmtp: Listening) -> None:
    with smtplib.LMTP(lmtp.host, lmtp.port) as client:
        assert client.docmd("EHLO x")[0] == 500
        assert client.docmd("HELO x")[0] == 500
        assert client.docmd("MAIL FROM:<a@b.test>")[0] == 503
