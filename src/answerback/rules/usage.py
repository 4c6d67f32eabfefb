"""How often rules acted: for their pages, and to stop one that would act on a ticket for ever.

Policy: within one update a rule acts once, so only what comes back from outside can go round: a webhook whose receiver
changes the ticket by the API, mail that fails. After MOST_PER_HOUR acts of one rule on one ticket within an hour, it
rests on updates that no person made here or by mail. Answers of agents are not its acts to withhold
(desk.running_rules.effects).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from django.db.models import Count, Max, Q, QuerySet

from answerback.core import clock
from answerback.rules.effects import Rule
from answerback.rules.models import Automation, Firing, Trigger

MOST_PER_HOUR = 20
KEPT = timedelta(days=30)
SomeRule = TypeVar("SomeRule", Trigger, Automation)


def record(rules: Iterable[Rule], ticket_id: int) -> None:
    now = clock.now()
    Firing.objects.bulk_create(
        Firing(
            trigger_id=rule.pk if isinstance(rule, Trigger) else None,
            automation_id=rule.pk if isinstance(rule, Automation) else None,
            ticket_id=ticket_id,
            at=now,
        )
        for rule in rules
    )


def of_last_hour(ticket_id: int) -> Counter[int]:
    """Trigger id → how often it acted on the ticket."""
    recent = Firing.objects.filter(ticket=ticket_id, at__gt=clock.now() - timedelta(hours=1), trigger__isnull=False)
    return Counter(recent.values_list("trigger_id", flat=True))


def counted(rules: QuerySet[SomeRule]) -> QuerySet[SomeRule]:
    """With `uses_week`, `uses_month` and `last_used_at`, in the order in which they run.

    QUIRK: a query that groups forgets the model's own order.
    """
    week = Q(firings__at__gt=clock.now() - timedelta(days=7))
    return rules.annotate(
        uses_week=Count("firings", filter=week), uses_month=Count("firings"), last_used_at=Max("firings__at")
    ).order_by("position", "id")


def forget_old() -> int:
    return Firing.objects.filter(at__lt=clock.now() - KEPT).delete()[0]
