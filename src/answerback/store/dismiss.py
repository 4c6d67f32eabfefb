"""Mail that became no ticket: listed until a person sees to it, and gone when its time is over.

Policy: two lists, so that a flood of spam never hides what somebody must look at. What a person put aside, or what
rightly had no effect, is listed nowhere and ends by the same clock. Mail of tickets and of deliveries stays with them
(`desk.keeping.removal`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from answerback.core import clock, live
from answerback.store import blobs
from answerback.store.models import RawMail

State = RawMail.State
WAITING = (State.UNREADABLE, State.UNMATCHED)
APART = (State.SUSPENDED,)
_ENDING = (*WAITING, *APART, State.IGNORED, State.DELETED)
TOPIC = "rawmail"
BATCH = 200


def waiting() -> QuerySet[RawMail]:
    """What somebody should look at, newest first."""
    return RawMail.objects.filter(state__in=WAITING).select_related("blob").order_by("-id")


def apart() -> QuerySet[RawMail]:
    """Spam and mail of blocked senders, newest first."""
    return RawMail.objects.filter(state__in=APART).select_related("blob").order_by("-id")


def ends_at(mail: RawMail) -> datetime:
    """When it will be deleted for good."""
    return (mail.handled_at or mail.received_at) + _lifetime()


def dismiss(ids: Iterable[int], state: str) -> int:
    """Put mail aside; answers how much. What somebody else has seen to stays as it is."""
    rows = RawMail.objects.filter(pk__in=list(ids), state__in=(*WAITING, *APART))
    done = rows.update(state=state, handled_at=clock.now())
    if done:
        live.publish(TOPIC)
    return done


def forget_old() -> int:
    """Delete what nobody wanted for as long as UNPROCESSED_LIFETIME says; answers how much."""
    over = RawMail.objects.filter(state__in=_ENDING, handled_at__lt=clock.now() - _lifetime()).order_by("id")
    total = 0
    while done := _delete_some(over):
        total += done
    if total:
        live.publish(TOPIC)
    return total


def delete(rows: QuerySet[RawMail]) -> int:
    """Delete mail whatever its state, in the transaction of whoever knows that its time has come. Gives how much."""
    found = list(rows.select_related("blob").defer("content"))
    RawMail.objects.filter(pk__in=[row.pk for row in found]).delete()
    blobs.let_go(row.blob for row in found if row.blob)
    return len(found)


def _delete_some(over: QuerySet[RawMail]) -> int:
    with transaction.atomic():
        ids = list(over.select_for_update().values_list("pk", flat=True)[:BATCH])
        return delete(RawMail.objects.filter(pk__in=ids))


def _lifetime() -> timedelta:
    return timedelta(seconds=settings.UNPROCESSED_LIFETIME)
