"""Who else is at a ticket: has it open, or is writing an answer. The one writer of `Presence`.

Policy: a page says every twenty seconds that it is still there; who says nothing for longer than `LASTS` has left. Only
a change is announced, so a quiet desk writes one row per open page and wakes nobody.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from answerback.core import clock, live
from answerback.desk.models import Presence
from answerback.people.models import Account

LASTS = timedelta(seconds=50)


def note(ticket_id: int, account: Account, writing: bool) -> None:
    now = clock.now()
    with transaction.atomic():
        before = Presence.objects.filter(ticket=ticket_id, account=account).first()
        Presence.objects.update_or_create(
            ticket_id=ticket_id, account=account, defaults={"writing": writing, "at": now}
        )
        if before is None or before.writing != writing or before.at < now - LASTS:
            live.publish(_topic(ticket_id))


def leave(ticket_id: int, account: Account) -> None:
    with transaction.atomic():
        if Presence.objects.filter(ticket=ticket_id, account=account).delete()[0]:
            live.publish(_topic(ticket_id))


def others(ticket_id: int, account: Account) -> list[Presence]:
    """Everybody else who is there, writers first."""
    here = Presence.objects.filter(ticket=ticket_id, at__gt=clock.now() - LASTS).exclude(account=account)
    return list(here.select_related("account__person").order_by("-writing", "id"))


def forget_old() -> int:
    return Presence.objects.filter(at__lt=clock.now() - LASTS).delete()[0]


def _topic(ticket_id: int) -> str:
    return f"presence:{ticket_id}"
