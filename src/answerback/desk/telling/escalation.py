"""Answers that did not arrive and that nobody has seen to for hours: the supervisors are told.

Policy: each failure once. A notice tells of it at once; mail tells of all together, at most every half hour, so that an
outage which hits hundreds of tickets is one mail and no flood. Seen to is a failure that is resolved, or that somebody
sends again: as long as the newest mail of its chain is on its way, nobody is late.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from answerback.core import clock
from answerback.core.models import Setting
from answerback.desk.models import Escalation
from answerback.desk.running_rules import effects
from answerback.desk.telling import escalation_mail, notices
from answerback.outbound import standing
from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery, Message, Resolution
from answerback.outbound.standing import Chain
from answerback.tickets import update
from answerback.tickets.changes import Changes, TicketFact
from answerback.tickets.models import Event, Ticket
from mailroom.states import State

DEFAULT_HOURS = 4
MAX_HOURS = 24 * 14
MAIL_EVERY = timedelta(minutes=30)
_NAME = "escalation_hours"


def hours() -> int:
    """After how long supervisors are told. 0: never."""
    row = Setting.objects.filter(name=_NAME).first()
    return int(row.value) if row else DEFAULT_HOURS


def set_hours(wanted: int) -> None:
    Setting.objects.update_or_create(name=_NAME, defaults={"value": max(0, min(wanted, MAX_HOURS))})


def escalate(limit: int = 200) -> int:
    """Tell of what is overdue, on up to `limit` tickets. Gives how many failures."""
    after = hours()
    if not after:
        return 0
    due = clock.now() - timedelta(hours=after)
    ids = _overdue(due).order_by("ticket_id").values_list("ticket_id", flat=True).distinct()[:limit]
    told = sum(_escalate(ticket_id, due, after) for ticket_id in list(ids))
    _mail(after)
    return told


def _overdue(due: datetime) -> QuerySet[Delivery]:
    """Failing deliveries of answers from before `due` that nobody was told of."""
    resolved = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True)
    failing = Q(state__in=[State.FAILED, State.CANCELLED]) | Q(state=State.HELD, hold_reason=SUPPRESSED)
    return Delivery.objects.filter(
        failing & ~Exists(resolved),
        kind=Message.Kind.ANSWER,
        ticket__delivery_health=Ticket.Health.FAILED,
        escalation__isnull=True,
        updated_at__lte=due,
    )


def _escalate(ticket_id: int, due: datetime, after: int) -> int:
    with transaction.atomic():
        Ticket.objects.select_for_update(no_key=True).get(pk=ticket_id)
        late = [chain for chain in standing.open_failures(ticket_id) if _is_late(chain, due)]
        known = Escalation.objects.filter(delivery__in=[chain.newest.pk for chain in late])
        told = set(known.values_list("delivery_id", flat=True))
        late = [chain for chain in late if chain.newest.pk not in told]
        if late:
            _tell(ticket_id, late, after)
    return len(late)


def _is_late(chain: Chain, due: datetime) -> bool:
    since = chain.newest.failed_at or chain.newest.updated_at
    return chain.kind == Message.Kind.ANSWER and chain.failing and since <= due


def _tell(ticket_id: int, late: Sequence[Chain], after: int) -> None:
    now = clock.now()
    Escalation.objects.bulk_create([Escalation(delivery=chain.newest, at=now) for chain in late])
    payloads = [_payload(chain) for chain in late]
    facts = [TicketFact(Event.Kind.DELIVERY_NOTE, data | {"note": "overdue", "hours": after}) for data in payloads]
    audit = update.apply(ticket_id, Changes(facts=facts), None, update.SYSTEM)
    if audit:
        effects.run(audit)
    notices.tell_overdue(ticket_id, payloads)


def _payload(chain: Chain) -> dict[str, object]:
    row = chain.newest
    return {
        "delivery_id": row.pk,
        "comment_id": row.message.comment_id,
        "recipient": row.recipient,
        "person_id": row.person_id,
        "person": standing.name_of(row),
        "state": row.state,
        "cause": row.cause,
        "smtp_code": row.smtp_code,
        "enhanced_code": row.enhanced_code,
    }


def _mail(after: int) -> None:
    """One mail about everything that no mail has told yet."""
    now = clock.now()
    if Escalation.objects.filter(mailed_at__gt=now - MAIL_EVERY).exists():
        return
    with transaction.atomic():
        waiting = Escalation.objects.select_for_update(of=("self",)).filter(mailed_at__isnull=True)
        rows = list(waiting.select_related("delivery__person").defer("delivery__header").order_by("id"))
        if not rows:
            return
        escalation_mail.send(_still_failing([row.delivery for row in rows]), after)
        Escalation.objects.filter(pk__in=[row.pk for row in rows]).update(mailed_at=now)


def _still_failing(deliveries: Sequence[Delivery]) -> list[Chain]:
    return [chain for chain in standing.chains_of(deliveries) if chain.failing]
