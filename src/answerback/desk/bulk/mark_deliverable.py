"""The addresses work again; with "and send" what failed to them goes once more, and what was held goes now.

Taken back, an address of which nobody has learned more since is undeliverable again, for as long as it was to be, and
what still waits is stopped, or held again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from answerback.desk.bulk import mail
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.fixing import recover
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import Account, Identity
from mailroom.states import State


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    recipient = delivery.identity.address if delivery.identity else delivery.recipient
    suppressed = _is_suppressed(delivery)
    traces: dict[str, Any] = {}
    if suppressed:
        known = _known(delivery.identity)
        try:
            recover.mark_deliverable(delivery.pk, by, options.get("note", ""), and_send=False)
        except recover.ComplaintError:
            return skipped("complaint", recipient=recipient)
        now = Identity.objects.get(pk=delivery.identity_id or 0)
        traces = {"identity": now.pk, "before": known, "marked": _known(now)}
    if options.get("and_send"):
        return _send(delivery, recipient, traces, by)
    if suppressed:
        return done("deliverable", recipient=recipient, **traces)
    return skipped("not_suppressed", recipient=recipient)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    if options.get("and_send"):
        return {}
    return {row.pk: skipped("not_suppressed", recipient=row.recipient) for row in rows if not _is_suppressed(row)}


def undo(item: JobItem, by: Account) -> Result:
    recipient = item.detail["recipient"]
    marked = _suppress_again(item.detail, by)
    stopped = _stop(item, by)
    if marked:
        return done("suppressed_again_unsent" if stopped else "suppressed_again", recipient=recipient)
    return done("taken_back", recipient=recipient) if stopped else skipped("changed_since", recipient=recipient)


def _is_suppressed(delivery: Delivery) -> bool:
    return delivery.identity is not None and identities.is_suppressed(delivery.identity)


def _known(identity: Identity | None) -> dict[str, Any]:
    """What an undo puts back, as JSON."""
    values = {name: getattr(identity, name) for name in (*identities.KNOWN, "normal")} if identity else {}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _send(delivery: Delivery, recipient: str, traces: Mapping[str, Any], by: Account) -> Result:
    try:
        if delivery.state == State.HELD:
            recover.release(delivery.pk, by)
            sent, more = delivery, dict[str, Any](released=True)
        else:
            [sent] = recover.resend([delivery.pk], by)
            more = dict[str, Any](delivery_id=sent.pk)
    except recover.NotFailedError:
        if traces:
            return done("deliverable", recipient=recipient, **traces)
        return skipped("not_failing", recipient=recipient)
    mail.let_wait([sent], by)
    return done("deliverable_and_sent", recipient=recipient, **traces, **more)


def _suppress_again(detail: Mapping[str, Any], by: Account) -> bool:
    if "identity" not in detail:
        return False
    before, marked = (_read(detail[name]) for name in ("before", "marked"))
    return identities.suppress_again(detail["identity"], marked, before, by)


def _read(known: Mapping[str, Any]) -> Identity:
    values = dict(known)
    for name in ("since", "until"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    return Identity(**values)


def _stop(item: JobItem, by: Account) -> bool:
    if not item.detail.get("released"):
        return mail.take_back(item.detail.get("delivery_id"), by)
    try:
        recover.hold_suppressed_again(item.delivery_id or 0)
    except (recover.NotFailedError, Delivery.DoesNotExist):
        return False
    return True
