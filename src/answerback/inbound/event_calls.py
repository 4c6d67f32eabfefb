"""The doorway for events: a mail service calls `/hooks/<service>/events` and tells what became of mail it took from us.

Policy: whose call it is, is checked; then the body is stored as it came, and only then 200 is said. It is read
afterwards like received mail (`process`). A call that was stored before is answered 200 at once.
"""

from __future__ import annotations

import hashlib
import logging

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from answerback.inbound import calls
from answerback.inbound.calls import RefusedError
from answerback.outbound import providers
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.store.raw import Incoming

log = logging.getLogger(__name__)


@calls.answered
def receive(request: HttpRequest, provider: str) -> str:
    body = calls.body_of(request, provider, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    calls.check(request, provider, body, calls.json_of(body))
    doorway = providers.doorway(provider)
    try:
        if RawMail.objects.filter(sha256=hashlib.sha256(body).hexdigest(), doorway=doorway).exists():
            return "known"
        raw.save_all([Incoming(body, doorway, calls.peer_of(request))])
    except (DatabaseError, OSError):
        log.exception("events of %s cannot be stored", provider)
        raise RefusedError("not_stored") from None
    return "stored"
