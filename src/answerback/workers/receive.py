"""The receiving worker: the doorways, and the loop that reads what they have stored.

SMTP and LMTP live in the event loop, each IMAP mailbox has a thread that follows it. Mail is read in threads too, so
that a slow one never keeps a client waiting. The reader is woken by the doorways, and looks by itself every second for
mail from the pipe or left by a crash.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

from django.conf import settings
from django.db import close_old_connections

from answerback.core import mail_settings
from answerback.core.db import DatabaseThread
from answerback.inbound import fetching, process
from answerback.inbound.smtp import Doorway
from answerback.inbound.storing import Storing
from answerback.store import mailboxes
from answerback.store.models import RawMail

READERS = 4  # mails read at once
LOOK_EVERY = 1.0  # seconds
TROUBLE_PAUSE = 5.0
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event, listening: Callable[[str, int], None] = lambda host, port: None) -> None:
    """Receive and read mail until `stop`, or until one of these breaks: nobody else would notice that what is stored is
    not read. `listening` hears where SMTP is spoken. OSError where SMTP_LISTEN or LMTP_LISTEN cannot be had."""
    arrived = asyncio.Event()
    storing = Storing(stored=arrived.set)
    doorway = Doorway(storing)
    listening(*await doorway.start(*settings.SMTP_LISTEN))
    if settings.LMTP_LISTEN:
        await doorway.start_lmtp(settings.LMTP_LISTEN)
    following = asyncio.create_task(_follow_mailboxes(stop, arrived))
    reading = asyncio.create_task(read_mail(stop, arrived))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopped, reading, following], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        await doorway.stop()
        await storing.close()
        await asyncio.gather(stopped, reading, following)


async def _follow_mailboxes(stop: asyncio.Event, arrived: asyncio.Event) -> None:
    """Follow every IMAP mailbox that the settings of now name, each in a thread of its own, until `stop`."""
    loop = asyncio.get_running_loop()

    def stored() -> None:
        loop.call_soon_threadsafe(arrived.set)

    while not stop.is_set():
        now, is_over = mail_settings.in_force(), threading.Event()
        folders = mailboxes.configured()
        with ThreadPoolExecutor(max(len(folders), 1), thread_name_prefix="fetch-mail") as threads:
            work = [loop.run_in_executor(threads, fetching.follow, mailbox, is_over, stored) for mailbox in folders]
            await mail_settings.until_other_than(now, stop)
            is_over.set()
            await asyncio.gather(*work)


async def read_mail(stop: asyncio.Event, arrived: asyncio.Event) -> None:
    """Read waiting mail whenever `arrived` is set, and by itself every second, until `stop`."""
    database = DatabaseThread("read-mail")
    try:
        with ThreadPoolExecutor(READERS, thread_name_prefix="read-mail") as readers:
            while not stop.is_set():
                arrived.clear()
                seen = await database.run(_read_some, readers)
                if not seen:
                    await _wait(stop, arrived, LOOK_EVERY if seen == 0 else TROUBLE_PAUSE)
    finally:
        await database.close()


def once() -> int:
    """Fetch all that is new, and read all mail that waits; answers how many were read."""
    fetching.once()
    total = 0
    while seen := process.process_waiting():
        total += seen
    return total


def _read_some(readers: ThreadPoolExecutor) -> int | None:
    """How many were read; None where we are in trouble ourselves."""

    def run(work: Callable[[RawMail], None], waiting: list[RawMail]) -> Iterable[None]:
        return readers.map(_with_sound_connection, repeat(work), waiting)

    try:
        return process.process_waiting(run)
    except process.OurTroubleError as trouble:
        log.error("mail is not read for now: %s", trouble)
        return None


def _with_sound_connection(work: Callable[[RawMail], None], mail: RawMail) -> None:
    """Threads of the pool keep their connections between mails; one that broke is replaced."""
    close_old_connections()
    work(mail)


async def _wait(stop: asyncio.Event, arrived: asyncio.Event, seconds: float) -> None:
    waiters = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(arrived.wait())]
    await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for waiter in waiters:
        waiter.cancel()
