"""`Idempotency-Key`: a request that is sent again, because nobody knows whether it arrived, is done once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from answerback.api.auth import caller
from answerback.api.errors import BadRequestError
from answerback.core import idempotency

HEADER = "Idempotency-Key"
LOOKUP = "X-Idempotency-Lookup"  # as Zendesk has it: "hit" where the answer is one of an earlier time, else "miss"


def once(request: HttpRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer of `work`; with a key that was used before, the answer of that time. Failed work leaves nothing."""
    key = request.headers.get(HEADER, "").strip()
    if not key:
        with transaction.atomic():
            return work()
    if len(key) > idempotency.LONGEST_KEY:
        raise BadRequestError(f"{HEADER}: at most {idempotency.LONGEST_KEY} characters")
    answer, again = idempotency.once(str(caller(request).pk), key, _fingerprint(request), lambda: _kept(work()))
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json")
    response.headers[LOOKUP] = "hit" if again else "miss"
    if answer.location:
        response.headers["Location"] = answer.location
    return response


def _kept(response: HttpResponse) -> idempotency.Answer:
    return idempotency.Answer(response.status_code, response.content.decode(), response.headers.get("Location", ""))


def _fingerprint(request: HttpRequest) -> str:
    told = "\n".join([request.method or "", request.get_full_path(), ""]).encode() + request.body
    return hashlib.sha256(told).hexdigest()
