"""Events of the providers that django-anymail reads for us: Brevo, Mailjet, Resend, SparkPost.

anymail says in one vocabulary (`EventType`) what happened, to whom, what the server said, and what we had the provider
keep of the mail; here that becomes a `DeliveryReport`. Amazon SES, Mailgun, Postmark and SendGrid also write by mail:
`mailroom.bounces` reads them, whichever way they come.

Policy: what says nothing of delivery (opened, clicked, queued) gives no report. Whether a failure is permanent, the
server's code decides; where there is none, the provider's own word, and where that is missing it is not. An event that
anymail cannot read is told in the log and stands in the raw mail; it does not keep the others of its call.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from anymail.exceptions import AnymailError
from anymail.signals import AnymailTrackingEvent, EventType
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.core.handlers.wsgi import WSGIRequest

from mailroom.bounces.codes import read_codes
from mailroom.bounces.json_text import message_id_in, object_of, objects_in, origins, string_of, token_among, token_in
from mailroom.report import Action, DeliveryReport

_VIEWS: Final = {
    "brevo": BrevoTrackingWebhookView,
    "mailjet": MailjetTrackingWebhookView,
    "resend": ResendTrackingWebhookView,
    "sparkpost": SparkPostTrackingWebhookView,
}
_LISTED: Final = frozenset({"mailjet", "sparkpost"})  # what they post is a list
_ACTIONS: Final[Mapping[str, Action]] = {
    EventType.BOUNCED: Action.FAILED,
    EventType.REJECTED: Action.FAILED,
    EventType.FAILED: Action.FAILED,
    EventType.DEFERRED: Action.DELAYED,
    EventType.DELIVERED: Action.DELIVERED,
    EventType.COMPLAINED: Action.COMPLAINT,
    EventType.UNSUBSCRIBED: Action.COMPLAINT,
}
_FEEDBACK: Final = {EventType.COMPLAINED: "abuse", EventType.UNSUBSCRIBED: "opt-out"}
# The provider's own word for a failure that is final.
_IS_HARD: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "brevo": lambda event: string_of(event, "event") in ("hard_bounce", "invalid_email"),
    "mailjet": lambda event: event.get("hard_bounce") is True,
    "resend": lambda event: string_of(object_of(event, "data", "bounce"), "type") == "Permanent",
    "sparkpost": lambda event: string_of(_inside(event), "bounce_class") in ("10", "30", "90"),
}
# Not tried, since the address is on a list of the provider's. The others say so in words that `causes` knows.
_DROPPED: Final = {
    "brevo": lambda event: string_of(event, "event") == "blocked",
    "mailjet": lambda event: string_of(event, "error") in ("preblocked", "blacklisted", "spam reporter"),
}
log = logging.getLogger(__name__)


def read(provider: str, text: str) -> list[DeliveryReport]:
    """One report for each event that tells an outcome."""
    told = [tracked for posted in objects_in(text) for tracked in _tracked(provider, posted)]
    return [report for event in told if (report := _report(provider, event))]


def _tracked(provider: str, posted: dict[str, Any]) -> list[AnymailTrackingEvent]:
    """The event as anymail reads it. Who called was checked when it came (mailroom.webhook_signatures)."""
    view = _VIEWS[provider](webhook_secret="checked")  # noqa: S106
    try:
        return list(view.parse_events(_request([posted] if provider in _LISTED else posted)))
    except (AnymailError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        log.warning("an event of %s cannot be read: %s: %s", provider, type(error).__name__, error)
        return []


def _request(content: object) -> WSGIRequest:
    body = json.dumps(content).encode()
    return WSGIRequest({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)})


def _report(provider: str, event: AnymailTrackingEvent) -> DeliveryReport | None:
    action, posted, told = _ACTIONS.get(event.event_type), event.esp_event, vars(event)
    recipient, token = string_of(told, "recipient"), _token(event)
    if action is None or not (token or "@" in recipient):
        return None
    said = _words(event)
    reports_failure = action in (Action.FAILED, Action.DELAYED)
    codes = read_codes(said)
    reply_code, status = (codes.reply_code, codes.status) if reports_failure else (None, None)
    if status and reply_code and reply_code // 100 != status.class_:
        status = None
    by_code = status.permanent if status else reply_code >= 500 if reply_code else _IS_HARD[provider](posted)
    dropped = provider in _DROPPED and _DROPPED[provider](posted)
    return DeliveryReport(
        recipient=recipient.strip("<> "),
        action=action,
        permanent=action is Action.FAILED and by_code,
        reply_code=reply_code,
        status=status,
        diagnostic=said[:8192],
        cause="provider_suppressed" if dropped and reports_failure else "",
        feedback_type=_FEEDBACK.get(event.event_type, ""),
        original_message_id=message_id_in(string_of(told, "message_id")),
        delivery_token=token,
        queue_id=string_of(posted, "Message_GUID") or string_of(told, "message_id"),
        told_by=provider,
        origins=origins(provider),
    )


def _token(event: AnymailTrackingEvent) -> str:
    """From the metadata; Resend gives the mail's headers instead."""
    kept = token_in(event.metadata) if isinstance(event.metadata, dict) else ""
    return kept or token_among(object_of(event.esp_event, "data").get("headers"))


def _words(event: AnymailTrackingEvent) -> str:
    """What the server said; else what the provider says, which Mailjet puts into `comment` and `error`."""
    said = [string_of(vars(event), name) for name in ("mta_response", "description")]
    said += [string_of(event.esp_event, name) for name in ("comment", "error")]
    return next(filter(None, said), "")


def _inside(event: Mapping[str, Any]) -> dict[str, Any]:
    """SparkPost wraps an event into two objects."""
    return next((one for one in object_of(event, "msys").values() if isinstance(one, dict)), {})
