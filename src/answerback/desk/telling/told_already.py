"""Who needs no mail about a failure: whoever caused it, and whoever has just had one.

Policy: mail about failures must not become a flood. Somebody who was mailed about a ticket's failures within the hour
knows that there is something to mend, and the workspace lists every further one; so they get no second mail, unless
something was put right in between and they may think that all is well. Mail to agents makes no failures of a ticket,
so a notice that bounces begets none.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Max

from answerback.core import clock
from answerback.outbound.models import Delivery, Message, Resolution
from answerback.people.models import Account
from answerback.rules.update_seen import Update

QUIET_FOR = timedelta(hours=1)


def people(seen: Update, trigger_id: int) -> set[int]:
    """Ids of people whom the failures of this update need not be mailed to."""
    return (_doers(seen) | _mailed(seen.ticket.pk, trigger_id)) if seen.failures else set()


def _doers(seen: Update) -> set[int]:
    """Who stopped all of these mails themselves."""
    doers = {failure.get("by_id") for failure in seen.failures}
    if len(doers) != 1 or None in doers:
        return set()
    return set(Account.objects.filter(pk__in=doers).values_list("person_id", flat=True))


def _mailed(ticket_id: int, trigger_id: int) -> set[int]:
    put_right = Resolution.objects.filter(delivery__ticket=ticket_id).aggregate(last=Max("at"))["last"]
    since = max(filter(None, [clock.now() - QUIET_FOR, put_right]))
    sent = Delivery.objects.filter(ticket=ticket_id, kind=Message.Kind.AGENT, message__trigger_id=trigger_id)
    return {pk for pk in sent.filter(queued_at__gt=since).values_list("person_id", flat=True) if pk}
