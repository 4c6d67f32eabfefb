"""From claimed deliveries to what goes on the wire: return path, recipient, and the octets of each copy."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.core import clock
from answerback.outbound import providers
from answerback.outbound.dkim_keys import Signatures
from answerback.outbound.models import Delivery, Message
from answerback.outbound.senders import is_return_path_fixed, sender_of
from answerback.outbound.tokens import Signer
from mailroom.compose import Composed, for_recipient
from mailroom.smtp.wire import Envelope


def load(delivery_ids: Sequence[int]) -> list[Envelope]:
    """An envelope for each delivery that still exists, in the order given."""
    rows = Delivery.objects.filter(pk__in=delivery_ids).select_related("message__support_address")
    found = {row.pk: row for row in rows}
    signer = Signer.current()
    signatures = Signatures.current()
    bodies: dict[int, bytes] = {}  # the same octets for every copy of a message
    return [_envelope(found[pk], signer, signatures, bodies) for pk in delivery_ids if pk in found]


def _envelope(row: Delivery, signer: Signer, signatures: Signatures, bodies: dict[int, bytes]) -> Envelope:
    message = row.message
    body = bodies.setdefault(message.pk, bytes(message.body))
    composed = Composed(bytes(row.header or message.header), body, message.smtputf8)
    reply_to = signer.reply_to(message.support_address, row.participant_id)
    token = signer.delivery_token(row.pk)
    copy = for_recipient(composed, reply_to, token, providers.marks(token))
    return Envelope(
        id=row.pk,
        mail_from=_return_path(row, signer),
        rcpt_to=row.recipient,
        content=signatures.sign(copy, _domain_of(message), message.pk, message.created_at).octets,
        smtputf8=message.smtputf8,
    )


def _return_path(row: Delivery, signer: Signer) -> str:
    if is_return_path_fixed():
        return sender_of(row.message.support_address)
    return signer.mail_from(row.pk, clock.today())


def _domain_of(message: Message) -> str:
    """That of From, in which `enqueue` makes the Message-ID too."""
    return message.message_id.rpartition("@")[2].rstrip(">").lower()
