"""From claimed deliveries to what goes on the wire: return path, recipient, and the octets of each copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from answerback.core import clock, db
from answerback.outbound import providers
from answerback.outbound.dkim_keys import Signatures
from answerback.outbound.senders import is_return_path_fixed, sender_of
from answerback.outbound.tokens import Signer
from mailroom.compose import Composed, for_recipient
from mailroom.smtp.wire import Envelope

_COPIES = """
    SELECT delivery.id, delivery.recipient, delivery.participant_id, delivery.header, message.id, message.message_id,
        message.header, message.smtputf8, message.created_at, support.address
    FROM outbound_delivery AS delivery
    JOIN outbound_message AS message ON message.id = delivery.message_id
    LEFT JOIN tickets_supportaddress AS support ON support.id = message.support_address_id
    WHERE delivery.id IN ({ids})"""
_BODIES = "SELECT id, body FROM outbound_message WHERE id IN ({ids})"


class _Copy(NamedTuple):
    """A row of `_COPIES`."""

    delivery_id: int
    recipient: str
    participant_id: int | None
    own_header: bytes | None
    message_pk: int
    message_id: str
    header: bytes
    smtputf8: bool
    created_at: datetime
    support_address: str | None


@dataclass(frozen=True, slots=True)
class _Copies:
    """What the database knows of a batch: every body once, and the keys."""

    rows: Sequence[_Copy]
    bodies: Mapping[int, bytes]
    signer: Signer
    signatures: Signatures
    sender: str  # where the return path is the address in From: that of mail without a support address; else ""
    today: date


def load(delivery_ids: Sequence[int]) -> list[Envelope]:
    """An envelope for each delivery that still exists, in the order given."""
    copies = _read(delivery_ids)
    return [_envelope(copy, copies) for copy in copies.rows]


def _read(delivery_ids: Sequence[int]) -> _Copies:
    found = {row[0]: _Copy(*row) for row in db.rows_of(_COPIES, delivery_ids)}
    bodies = db.octets_of(_BODIES, {copy.message_pk for copy in found.values()})
    return _Copies(
        rows=[found[pk] for pk in delivery_ids if pk in found],
        bodies={pk: bytes(body) for pk, body in bodies},
        signer=Signer.current(),
        signatures=Signatures.current(),
        sender=sender_of(None) if is_return_path_fixed() else "",
        today=clock.today(),
    )


def _envelope(copy: _Copy, batch: _Copies) -> Envelope:
    token = batch.signer.delivery_token(copy.delivery_id)
    reply_to = batch.signer.reply_to(copy.support_address or "", copy.participant_id)
    composed = Composed(bytes(copy.own_header or copy.header), batch.bodies[copy.message_pk], copy.smtputf8)
    marked = for_recipient(composed, reply_to, token, providers.marks(token))
    made_at = copy.created_at.replace(tzinfo=UTC)
    return Envelope(
        id=copy.delivery_id,
        mail_from=_return_path(copy, batch),
        rcpt_to=copy.recipient,
        content=batch.signatures.sign(marked, _domain_of(copy), copy.message_pk, made_at).octets,
        smtputf8=copy.smtputf8,
    )


def _return_path(copy: _Copy, batch: _Copies) -> str:
    if batch.sender:
        return copy.support_address or batch.sender
    return batch.signer.mail_from(copy.delivery_id, batch.today)


def _domain_of(copy: _Copy) -> str:
    """That of From, in which `enqueue` makes the Message-ID too."""
    return copy.message_id.rpartition("@")[2].rstrip(">").lower()
