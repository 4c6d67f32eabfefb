"""What happened to our mail, event by event: the rows behind every figure of the delivery reports, and their search.

Policy: a figure and the list it leads to come from the same query, so that they cannot disagree. Every look is bounded
by a time, which is indexed; the tests of our own and mail to agents count where nothing else is asked for. Probes of
the way back, which have to fail, never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import DeliveryEvent, Message
from mailroom.states import Fact, State

ACCEPTED, DEFERRED, REFUSED, BOUNCED, COMPLAINT = "accepted", "deferred", "refused", "bounced", "complaint"
FAILED = "failed"  # refused or bounced
HELD, STOPPED = "held", "stopped"

_NOW_FAILED = Q(to_state=State.FAILED) & ~Q(from_state=State.FAILED)
WHAT: Mapping[str, Q] = {
    ACCEPTED: Q(fact=Fact.SESSION_ACCEPTED, to_state=State.ACCEPTED),
    DEFERRED: Q(fact=Fact.SESSION_TRANSIENT, to_state=State.DEFERRED),
    FAILED: _NOW_FAILED,
    REFUSED: _NOW_FAILED & ~Q(fact=Fact.REPORT_FAILED),
    BOUNCED: _NOW_FAILED & Q(fact=Fact.REPORT_FAILED),
    COMPLAINT: Q(fact=Fact.COMPLAINT),
    HELD: Q(fact=Fact.HOLD, to_state=State.HELD, delivery__hold_reason=SUPPRESSED),
    STOPPED: Q(fact=Fact.CANCEL, to_state=State.CANCELLED),
}


@dataclass(frozen=True)
class Wanted:
    """Which events; what is empty does not narrow. `trigger` is a title, `address` a support address."""

    since: datetime
    until: datetime
    what: str = ""  # a key of WHAT
    kind: str = ""  # Message.Kind
    cause: str | None = None  # "" is a cause too: nothing was said
    code: str = ""  # 550 or 5.1.1
    recipient: str = ""  # an address
    domain: str = ""
    trigger: str | None = None  # "" is mail that no trigger wrote
    address: str | None = None  # "" is mail that no support address sent
    message_id: str = ""


def find(wanted: Wanted) -> QuerySet[DeliveryEvent]:
    rows = DeliveryEvent.objects.filter(at__gte=wanted.since, at__lt=wanted.until)
    rows = rows.filter(WHAT[wanted.what]) if wanted.what in WHAT else rows.exclude(fact=Fact.CLAIM)
    return rows.filter(_delivery(wanted), _said(wanted)).exclude(delivery__kind=Message.Kind.PROBE)


def _said(wanted: Wanted) -> Q:
    """What the event itself says."""
    found = Q()
    if wanted.cause is not None:
        found &= Q(cause=wanted.cause)
    if code := wanted.code.strip():
        found &= Q(smtp_code=int(code)) if code.isdigit() and len(code) == 3 else Q(enhanced_code=code)
    return found


def _delivery(wanted: Wanted) -> Q:
    """Of which mail, to whom."""
    found = Q()
    if wanted.kind:
        found &= Q(delivery__kind=wanted.kind)
    if recipient := wanted.recipient.strip():
        found &= Q(delivery__recipient__in={recipient, recipient.lower()})
    if wanted.domain:
        found &= Q(delivery__recipient__iendswith=f"@{wanted.domain}")
    if message_id := wanted.message_id.strip():
        found &= Q(delivery__message__message_id=f"<{message_id.strip('<>')}>")
    if wanted.trigger is not None:
        found &= Q(delivery__message__trigger_title=wanted.trigger)
    if wanted.address is not None:
        sender = Q(delivery__message__support_address__address=wanted.address)
        found &= sender if wanted.address else Q(delivery__message__support_address__isnull=True)
    return found
