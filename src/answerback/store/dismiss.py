"""Mail that became no ticket, put aside by a person: ignored (kept) or deleted (no longer listed)."""

from __future__ import annotations

from answerback.core import clock, live
from answerback.store.models import RawMail

State = RawMail.State
WAITING = (State.UNREADABLE, State.UNMATCHED)
TOPIC = "rawmail"


def dismiss(raw_mail_id: int, state: str) -> bool:
    """False where somebody else was quicker. The octets stay until retention removes them."""
    done = RawMail.objects.filter(pk=raw_mail_id, state__in=WAITING).update(state=state, handled_at=clock.now())
    if done:
        live.publish(TOPIC)
    return done == 1
