"""The calls that wait: taken, sent by `workers.call_webhooks`, written down. The one writer of `WebhookCall`'s state.

Claiming counts the attempt and moves `next_attempt_at` to the end of the lease: a process that dies leaves a call that
is due again then. An outcome counts only for the attempt it belongs to. At least once: receivers tell by the event id.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from answerback.core import clock, live
from answerback.desk.calling_webhooks import webhook_http, webhook_policy, webhooks
from answerback.desk.calling_webhooks.webhook_http import Request
from answerback.desk.calling_webhooks.webhook_policy import Answer
from answerback.desk.telling import notices
from answerback.rules.models import Webhook, WebhookCall

LEASE_SPARE = timedelta(seconds=45)  # beyond the time an attempt may take
AT_ONCE = 3  # calls of one webhook: a slow one must not keep the others waiting
KEPT = timedelta(days=30)
State = WebhookCall.State
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    call_id: int
    webhook_id: int
    attempt: int
    request: Request


def claim(limit: int, busy: Collection[int] = ()) -> list[Claimed]:
    """Take up to `limit` calls that are due, oldest first. `busy`: webhooks that have enough under way."""
    now = clock.now()
    lease = now + timedelta(seconds=settings.WEBHOOK_TIMEOUT) + LEASE_SPARE
    due = WebhookCall.objects.filter(Q(webhook__active=True) | Q(event=webhooks.TEST), next_attempt_at__lte=now)
    due = due.exclude(webhook__in=busy)
    if not due.exists():  # asked every second: it must not wait for whoever writes, nor they for it
        return []
    with transaction.atomic():
        free = due.select_for_update(skip_locked=True, of=("self",)).select_related("webhook")
        rows = list(free.order_by("next_attempt_at", "id")[:limit])
        chosen = _fairly(rows)
        WebhookCall.objects.filter(pk__in=[row.pk for row in chosen]).update(
            next_attempt_at=lease, attempts=F("attempts") + 1
        )
    return [_claimed(row) for row in chosen]


def record(claimed: Claimed, answer: Answer) -> None:
    """Write down what came of the attempt, unless a later one overtook it."""
    now = clock.now()
    with transaction.atomic():
        rows = WebhookCall.objects.select_for_update(of=("self",)).select_related("webhook")
        call = rows.filter(pk=claimed.call_id, attempts=claimed.attempt, state=State.WAITING).first()
        if call is None:
            return
        verdict = webhook_policy.judge(answer, claimed.attempt, now)
        if call.event == webhooks.TEST and not verdict.arrived:
            verdict = webhook_policy.Verdict(arrived=False)  # whoever tests is looking, and tries again
        call.state = State.ARRIVED if verdict.arrived else State.WAITING if verdict.next_attempt_at else State.GIVEN_UP
        call.next_attempt_at = verdict.next_attempt_at
        call.finished_at = None if verdict.next_attempt_at else now
        call.status_code, call.response, call.error = answer.status, answer.response, answer.error[:300]
        call.history = [*call.history, _line(answer, now)]
        call.save()
        _note_health(call.webhook, verdict.arrived, now)
        live.publish(webhooks.TOPIC)


def forget_old() -> int:
    """Finished calls leave the log after a month."""
    return WebhookCall.objects.filter(finished_at__lt=clock.now() - KEPT).delete()[0]


def request_of(call: WebhookCall) -> Request:
    """What is sent for the call."""
    webhook = call.webhook
    ours = {
        webhook_http.WEBHOOK_ID: str(webhook.pk),
        webhook_http.EVENT_ID: call.event_id,
        webhook_http.ATTEMPT: str(call.attempts),
    }
    basic = webhook.authentication == Webhook.Authentication.BASIC
    bearer = webhook.authentication == Webhook.Authentication.BEARER
    return Request(
        url=webhook.endpoint,
        body=call.body.encode(),
        headers={**webhook.headers, **ours},
        secret=webhook.secret,
        basic=(webhook.user_name, webhook.password) if basic else None,
        bearer=webhook.password if bearer else "",
    )


def _fairly(rows: list[WebhookCall]) -> list[WebhookCall]:
    taken: dict[int, int] = {}
    chosen = []
    for row in rows:
        taken[row.webhook_id] = taken.get(row.webhook_id, 0) + 1
        if taken[row.webhook_id] <= AT_ONCE:
            chosen.append(row)
    return chosen


def _claimed(row: WebhookCall) -> Claimed:
    row.attempts += 1
    return Claimed(row.pk, row.webhook_id, row.attempts, request_of(row))


def _line(answer: Answer, now: datetime) -> dict[str, object]:
    return {"at": now.isoformat(), "status": answer.status, "error": answer.error[:300], "seconds": answer.seconds}


def _note_health(webhook: Webhook, arrived: bool, now: datetime) -> None:
    """Since when nothing reaches the webhook; after too long it is switched off, and the admins are told."""
    rows = Webhook.objects.filter(pk=webhook.pk)
    if arrived:
        rows.filter(failing_since__isnull=False).update(failing_since=None)
        return
    rows.filter(failing_since__isnull=True).update(failing_since=now)
    since = webhook.failing_since
    given_up = webhook.calls.filter(state=State.GIVEN_UP, finished_at__gte=since).count() if since else 0
    if not webhook_policy.is_broken(since, given_up, now):
        return
    if rows.filter(active=True).update(active=False, switched_off_at=now):
        notices.tell_webhook_off(webhook.pk, webhook.name)
        log.warning("webhook %s (%s) is switched off: nothing has reached it since %s", webhook.pk, webhook, since)
