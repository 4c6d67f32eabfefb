"""Received mail, byte for byte: stored before we say 250, settled exactly once after it was read.

Policy: octets up to `IN_ROW` stand in the row itself, so that one commit makes many messages durable; larger ones are
blobs whose file is fsynced before the row. A row starts as `received` and leaves that state once. `tries` is counted
before a mail is read, so that a mail that kills the process is found out too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from answerback.core import bulk, clock
from answerback.store import blobs
from answerback.store.models import RawMail

IN_ROW = 256 * 1024
PIPE, IMAP, WEBHOOK = "pipe", "imap", "webhook"  # the doorways that may leave the reverse-path out
State = RawMail.State


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as a doorway got it."""

    content: bytes
    doorway: str  # "smtp", "pipe", …
    peer: str = ""  # address of the client
    helo: str = ""
    envelope_from: str = ""  # "" is the null reverse-path
    envelope_to: Sequence[str] = ()


def save(
    content: bytes,
    *,
    doorway: str,
    peer: str = "",
    helo: str = "",
    envelope_from: str = "",
    envelope_to: Sequence[str] = (),
) -> RawMail:
    """Store one message durably: when this returns, 250 may be said. Raises what disk or database raise."""
    return save_all([Incoming(content, doorway, peer, helo, envelope_from, envelope_to)])[0]


def save_all(batch: Sequence[Incoming]) -> list[RawMail]:
    """Store several messages with one commit: all of them or none."""
    with transaction.atomic():
        rows = [_row(incoming) for incoming in batch]
        bulk.insert(rows)
    return rows


def content(raw_mail: RawMail) -> bytes:
    """The octets as they came. MissingBlobError."""
    return blobs.read(raw_mail.blob) if raw_mail.blob else bytes(raw_mail.content or b"")


def reverse_path(raw_mail: RawMail) -> str | None:
    """None where no envelope came along: then a Return-Path field says it (RFC 5321 §4.4)."""
    return raw_mail.envelope_from if raw_mail.envelope_from or raw_mail.doorway not in (PIPE, IMAP, WEBHOOK) else None


def next_received(limit: int) -> list[RawMail]:
    """Mail nobody has read yet, oldest first, what was tried before comes last. Only id, tries and size are loaded."""
    rows = RawMail.objects.filter(state=State.RECEIVED).order_by("tries", "id")
    return list(rows.only("id", "tries", "size")[:limit])


def count_try(ids: Sequence[int]) -> None:
    """Note that reading begins."""
    RawMail.objects.filter(pk__in=ids, state=State.RECEIVED).update(tries=F("tries") + 1)


def give_back(raw_mail_id: int) -> None:
    """The try did not count: something of ours was in the way, not the mail."""
    RawMail.objects.filter(pk=raw_mail_id, state=State.RECEIVED, tries__gt=0).update(tries=F("tries") - 1)


def settle(
    raw_mail_id: int,
    state: str,
    *,
    reason: str = "",
    kind: str = "",
    ticket_id: int | None = None,
    message_id: str = "",
    arrival_key: str = "",
) -> bool:
    """Say what became of a received mail. False where somebody else had settled it: then undo what you did.

    Callers hold the transaction in which the mail had its effect.
    """
    settled = RawMail.objects.filter(pk=raw_mail_id, state=State.RECEIVED).update(
        state=state,
        reason=storable(reason, 300),
        kind=kind,
        ticket_id=ticket_id,
        message_id=storable(message_id, 998),
        arrival_key=arrival_key,
        handled_at=clock.now(),
    )
    return settled == 1


def reopen(raw_mail_id: int) -> bool:
    """Read a mail again that came to nothing. False for mail that is in a ticket, or still waiting."""
    waiting = RawMail.objects.filter(pk=raw_mail_id).exclude(state__in=(State.TICKET, State.RECEIVED))
    return waiting.update(state=State.RECEIVED, reason="", kind="", arrival_key="", tries=0, handled_at=None) == 1


def storable(text: str, length: int) -> str:
    """Text from the wire that every database takes: no NUL, no half characters, not too long."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")[:length]


def _row(incoming: Incoming) -> RawMail:
    """Not saved, but for the blob of a large one."""
    in_row = len(incoming.content) <= IN_ROW
    return RawMail(
        content=incoming.content if in_row else None,
        blob=None if in_row else blobs.save(incoming.content),
        sha256=hashlib.sha256(incoming.content).hexdigest(),
        size=len(incoming.content),
        doorway=incoming.doorway,
        peer=storable(incoming.peer, 100),
        helo=storable(incoming.helo, 255),
        envelope_from=storable(incoming.envelope_from, 320),
        envelope_to=[storable(recipient, 320) for recipient in incoming.envelope_to],
        received_at=clock.now(),
    )
