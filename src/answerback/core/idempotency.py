"""The same request twice is done once: answers kept by the key that the caller gave.

Policy: the key's row is written before the work and in its transaction, so that a second request with the key waits for
the first one and then gets its answer. Work that fails takes its row back: the key may be used again. A key is one
caller's own and lives for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from answerback.core import clock
from answerback.core.models import IdempotentAnswer

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255


class KeyReusedError(ValueError):
    """The key came with another request before."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    location: str = ""


def once(caller: str, key: str, fingerprint: str, work: Callable[[], Answer]) -> tuple[Answer, bool]:
    """The answer of `work`, and whether it is one of an earlier time. KeyReusedError, and whatever `work` raises."""
    with transaction.atomic():
        IdempotentAnswer.objects.filter(caller=caller, key=key, at__lt=clock.now() - KEPT_FOR).delete()
        row, fresh = IdempotentAnswer.objects.get_or_create(
            caller=caller, key=key, defaults={"fingerprint": fingerprint, "at": clock.now()}
        )
        if not fresh:
            if row.fingerprint != fingerprint:
                raise KeyReusedError(key)
            return Answer(row.status, row.body, row.location), True
        answer = work()
        row.status, row.body, row.location = answer.status, answer.body, answer.location
        row.save(update_fields=["status", "body", "location"])
    return answer, False


def forget_old() -> int:
    """Keys that have had their day."""
    return IdempotentAnswer.objects.filter(at__lt=clock.now() - KEPT_FOR).delete()[0]
