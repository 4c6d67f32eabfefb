"""Does a domain take mail? Asked of DNS while somebody types an address, not while mail is sent.

Policy: a short time-out, the resolver of the settings, and one answer kept for a while, so that pages may ask freely.
"Yes" and "no" are what DNS said; no answer is None, is kept for a minute only, and claims nothing.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from threading import Lock

from django.conf import settings

from answerback.core import clock
from mailroom import address as addresses
from mailroom.report import DeliveryReport
from mailroom.smtp import mx
from mailroom.smtp.route import Mx, Tls

_PATIENCE = 2.5  # seconds
_KEPT_FOR = timedelta(hours=1)
_UNKNOWN_KEPT_FOR = timedelta(minutes=1)
_KEPT_MOST = 2000

_known: dict[str, tuple[datetime, bool | None]] = {}
_lock = Lock()


def takes_mail(domain: str) -> bool | None:
    """Whether `domain` has a mail server, or an address to be its own; None where nobody could say."""
    name = addresses.ascii_domain(domain)
    if name is None:
        return False
    if not settings.RESOLVER and addresses.is_reserved(name):
        return False  # no such name out there, and asking would only tell others
    now = clock.now()
    with _lock:
        until, answer = _known.get(name, (now, None))
    return answer if until > now else _keep(name, _ask(name), now)


def forget() -> None:
    """Ask again."""
    with _lock:
        _known.clear()


def _ask(name: str) -> bool | None:
    way = Mx(name, tls=Tls.NONE)  # nothing will be said to anybody: no policy need be asked for
    found = asyncio.run(mx.resolve(way, settings.RESOLVER, _PATIENCE))
    if isinstance(found, DeliveryReport):
        return False if found.permanent else None
    return True


def _keep(name: str, answer: bool | None, now: datetime) -> bool | None:
    with _lock:
        if len(_known) >= _KEPT_MOST:
            _known.clear()
        _known[name] = now + (_UNKNOWN_KEPT_FOR if answer is None else _KEPT_FOR), answer
    return answer
