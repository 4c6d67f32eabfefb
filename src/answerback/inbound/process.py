"""Received mail is read: sorted, handed to whom it concerns, and settled exactly once.

Policy: mail waits as rows, so a crash loses nothing and the order does not matter. Whoever handles a mail settles it
in the same transaction as its effect. A mail that makes the reader fail is tried three times, with others in between,
and then stands in the view of mail that was not turned into tickets. What is our own trouble (the database, the disk)
does not count as a try: everything waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from django.db import InterfaceError, OperationalError, transaction

from answerback.desk.arriving import arrival, intake
from answerback.inbound import provider_events, recipients
from answerback.outbound import providers, returned, way_back
from answerback.store import raw
from answerback.store.models import RawMail
from mailroom import message, sorting
from mailroom.message import Mail
from mailroom.sorting import Kind

BATCH = 20
BATCH_OCTETS = 4 * 2**20
MAX_TRIES = 3
State = RawMail.State
Runner = Callable[[Callable[[RawMail], None], list[RawMail]], Iterable[None]]
log = logging.getLogger(__name__)


class OurTroubleError(Exception):
    """Nothing can be read just now, and no mail is to blame."""


def process_waiting(run: Runner = map) -> int:
    """Read some of the mail that waits; answers how many were seen, 0 when there is none. OurTroubleError.

    Fresh mail is read in batches, by `run` (the `map` of a thread pool reads several at once: much of the time goes
    into waiting for name servers). Mail that was tried before is read alone, so that one that kills the process takes
    no others with it.
    """
    try:
        waiting = raw.next_received(BATCH)
        batch = _fresh(waiting) or waiting[:1]
        raw.count_try([mail.pk for mail in batch])
    except (OperationalError, InterfaceError) as error:
        raise OurTroubleError(str(error)) from error
    for _ in run(_process_safely, batch):
        pass
    return len(batch)


def _fresh(waiting: Sequence[RawMail]) -> list[RawMail]:
    """The mail nobody tried before, as much as may be in memory at once; a big one alone."""
    total = 0
    fresh: list[RawMail] = []
    for mail in waiting:
        total += mail.size
        if mail.tries or (fresh and total > BATCH_OCTETS):
            break
        fresh.append(mail)
    return fresh


def process(raw_mail_id: int) -> None:
    """Read one mail and settle it. Raises only what is a fault of ours."""
    raw_mail = RawMail.objects.select_related("blob").get(pk=raw_mail_id)
    if provider := providers.of_doorway(raw_mail.doorway):
        _events(raw_mail, provider)
        return
    mail = message.parse(raw.content(raw_mail), arrival.limits())
    kind = sorting.sort(mail, raw.reverse_path(raw_mail))
    if _came_to_ourselves(raw_mail, mail, kind):
        return
    match kind:
        case Kind.DELIVERY_REPORT | Kind.FEEDBACK_REPORT:
            _report(raw_mail, mail, kind)
        case Kind.AUTO_REPLY | Kind.CHALLENGE:
            word = "challenge" if kind == Kind.CHALLENGE else "automatic"
            intake.take_in_automatic(raw_mail_id, mail, word, _automatic_reason(mail, raw_mail), kind)
        case Kind.READ_RECEIPT:
            intake.settle(raw_mail_id, State.IGNORED, "read-receipt", message_id=mail.message_id, kind=kind)
        case _ if any(map(recipients.is_return_path, raw_mail.envelope_to)):
            _report(raw_mail, mail, kind)  # QUIRK: some servers return mail in no form that says so
        case _:
            intake.take_in(raw_mail_id, mail, _automatic_reason(mail, raw_mail), kind)


def _process_safely(waiting: RawMail) -> None:
    try:
        _try(waiting)
    except (OperationalError, InterfaceError, OSError) as error:
        raise OurTroubleError(str(error)) from error


def _try(waiting: RawMail) -> None:
    raw_mail_id, number = waiting.pk, waiting.tries + 1
    try:
        process(raw_mail_id)
    except (OperationalError, InterfaceError, OSError):
        raw.give_back(raw_mail_id)  # which the same trouble may forbid: then the try counts
        raise
    except Exception as error:
        log.exception("mail %s could not be read (try %s of %s)", raw_mail_id, number, MAX_TRIES)
        if number >= MAX_TRIES:
            intake.settle(raw_mail_id, State.UNREADABLE, f"crashed: {type(error).__name__}: {error}")


def _came_to_ourselves(raw_mail: RawMail, mail: Mail, kind: str) -> bool:
    """A probe of the way back that somebody took for us is no mail to anybody."""
    if not way_back.is_probe(mail.message_id):
        return False
    with transaction.atomic():
        way_back.note_arrival(mail.message_id)
        intake.settle(raw_mail.pk, State.IGNORED, "probe", message_id=mail.message_id, kind=kind)
    return True


def _report(raw_mail: RawMail, mail: Mail, kind: str) -> None:
    with transaction.atomic():
        result = returned.handle_report(raw_mail.pk, mail, list(raw_mail.envelope_to))
        intake.settle(
            raw_mail.pk, result.state, result.reason, ticket_id=result.ticket_id, message_id=mail.message_id, kind=kind
        )


def _events(raw_mail: RawMail, provider: str) -> None:
    """Settled after their effect, which may be large: done again, it changes nothing."""
    result = returned.handle_events(raw_mail.pk, provider_events.read(provider, raw.content(raw_mail)))
    intake.settle(raw_mail.pk, result.state, result.reason, ticket_id=result.ticket_id, kind="event")


def _automatic_reason(mail: Mail, raw_mail: RawMail) -> str:
    return sorting.automatic_reason(mail, raw.reverse_path(raw_mail))
