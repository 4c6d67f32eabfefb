"""Webhooks with their log. Only administrators see them: their calls tell of every ticket."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import admin
from answerback.api.describe import PAGED, doc, listed, one
from answerback.api.errors import InvalidError
from answerback.api.users import time
from answerback.desk.calling_webhooks import webhooks as desk_webhooks
from answerback.rules import webhooks as rows
from answerback.rules.models import Webhook, WebhookCall

router = Router(tags=["webhooks"])

ACTIVE, INACTIVE = "active", "inactive"


class WebhookOut(Schema):
    id: str
    url: str
    name: str
    endpoint: str
    http_method: str
    request_format: str
    status: str
    subscriptions: list[str]
    custom_headers: dict[str, str]
    authentication: dict[str, Any] | None
    created_at: str
    updated_at: str


class SecretOut(Schema):
    algorithm: str
    secret: str


class NewWebhookOut(WebhookOut):
    """The only time that the secret is told."""

    signing_secret: SecretOut


class InvocationOut(Schema):
    """One event for the webhook: `waiting`, `arrived` or `given_up`, with every attempt."""

    id: str
    event: str
    event_id: str
    status: str
    status_code: int | None
    error: str | None
    attempts: int
    history: list[dict[str, Any]]
    created_at: str
    latest_completed_at: str | None


class WebhookIn(Schema):
    """`authentication`: `{"type": "basic_auth", "data": {"username": …, "password": …}}` or `bearer_token`, `token`."""

    name: str | None = None
    endpoint: str | None = None
    subscriptions: list[str] | None = None
    status: str | None = None
    custom_headers: dict[str, str] | None = None
    authentication: dict[str, Any] | None = None


class WebhookBody(Schema):
    webhook: WebhookIn


WebhookAnswer = one("webhook", WebhookOut)
NewWebhookAnswer = one("webhook", NewWebhookOut, "NewWebhookAnswer")
WebhookList = listed("webhooks", WebhookOut)
InvocationAnswer = one("invocation", InvocationOut)
InvocationList = listed("invocations", InvocationOut)
SecretAnswer = one("signing_secret", SecretOut)
_EXAMPLE = {
    "webhook": {
        "name": "Billing",
        "endpoint": "https://billing.example.com/answerback",
        "subscriptions": ["delivery.failed", "delivery.resolved"],
        "status": ACTIVE,
    }
}
_KINDS = {"basic": "basic_auth", "bearer": "bearer_token"}


@router.get("/webhooks", **doc(WebhookList, takes=PAGED, faults=(403,)))
def list_webhooks(request: HttpRequest) -> HttpResponse:
    """Webhooks"""
    admin(request)
    return paging.answer(request, Webhook.objects.all(), "webhooks", present)


@router.post("/webhooks", **doc(NewWebhookAnswer, status=201, example=_EXAMPLE, faults=(403, 422)))
def create_webhook(request: HttpRequest, body: WebhookBody) -> HttpResponse:
    """Make a webhook

    The answer holds the secret that signs its calls; it is told this once.
    """
    admin(request)
    made = _save(None, body.webhook)
    shown = present([made])[0] | {"signing_secret": _secret(made.secret)}
    return JsonResponse({"webhook": shown}, status=201)


@router.get("/webhooks/{int:webhook_id}", **doc(WebhookAnswer, faults=(403, 404)))
def show_webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """One webhook"""
    admin(request)
    return JsonResponse({"webhook": present([Webhook.objects.get(pk=webhook_id)])[0]})


@router.put("/webhooks/{int:webhook_id}", **doc(None, status=204, example=_EXAMPLE, faults=(403, 404, 422)))
def update_webhook(request: HttpRequest, webhook_id: int, body: WebhookBody) -> HttpResponse:
    """Change a webhook"""
    admin(request)
    _save(Webhook.objects.get(pk=webhook_id), body.webhook)
    return HttpResponse(status=204)


@router.delete("/webhooks/{int:webhook_id}", **doc(None, status=204, faults=(403, 404)))
def delete_webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Delete a webhook with its log"""
    admin(request)
    rows.delete_webhook(Webhook.objects.get(pk=webhook_id))
    return HttpResponse(status=204)


@router.post("/webhooks/{int:webhook_id}/signing_secret", **doc(SecretAnswer, status=201, faults=(403, 404)))
def reset_signing_secret(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """A new secret

    What is signed from now on is signed with it.
    """
    admin(request)
    secret = rows.rotate_secret(Webhook.objects.get(pk=webhook_id))
    return JsonResponse({"signing_secret": _secret(secret)}, status=201)


@router.post("/webhooks/{int:webhook_id}/test", **doc(InvocationAnswer, status=201, faults=(403, 404)))
def test_webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Call it for a test

    The call waits when this answers; the log tells what became of it.
    """
    admin(request)
    call = desk_webhooks.test(Webhook.objects.get(pk=webhook_id))
    return JsonResponse({"invocation": _present_calls([call])[0]}, status=201)


@router.get("/webhooks/{int:webhook_id}/invocations", **doc(InvocationList, takes=PAGED, faults=(403, 404)))
def list_invocations(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """What it was told, newest first"""
    admin(request)
    calls = Webhook.objects.get(pk=webhook_id).calls.all()
    return paging.answer(request, calls, "invocations", _present_calls, newest_first=True)


def present(webhooks: list[Webhook]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(webhook.pk),
            "url": paging.url(f"webhooks/{webhook.pk}"),
            "name": webhook.name,
            "endpoint": webhook.endpoint,
            "http_method": "POST",
            "request_format": "json",
            "status": ACTIVE if webhook.active else INACTIVE,
            "subscriptions": webhook.events,
            "custom_headers": webhook.headers,
            "authentication": _authentication(webhook),
            "created_at": time(webhook.created_at),
            "updated_at": time(webhook.updated_at),
        }
        for webhook in webhooks
    ]


def _authentication(webhook: Webhook) -> dict[str, Any] | None:
    """Without what signs in."""
    if not webhook.authentication:
        return None
    return {"type": _KINDS[webhook.authentication], "data": {"username": webhook.user_name}}


def _save(webhook: Webhook | None, sent: WebhookIn) -> Webhook:
    if unknown := set(sent.subscriptions or []) - set(rows.EVENTS):
        text = f"{', '.join(sorted(unknown))}: an event is one of {', '.join(rows.EVENTS)}"
        raise InvalidError(subscriptions=f"Subscriptions: {text}")
    try:
        return rows.save_webhook(webhook, _wanted(webhook, sent))
    except rows.BadWebhookError as error:
        raise InvalidError(**{error.field: f"{error.field.capitalize()}: {error.problem}"}) from None


def _wanted(old: Webhook | None, sent: WebhookIn) -> rows.Wanted:
    """What is not sent stays as it is."""
    name = sent.name if sent.name is not None else old.name if old else ""
    if not name.strip():
        raise InvalidError(name="Name: cannot be blank")
    headers = sent.custom_headers
    kind, user_name, password = _credentials(old, sent)
    return rows.Wanted(
        name=name,
        endpoint=sent.endpoint if sent.endpoint is not None else old.endpoint if old else "",
        events=sent.subscriptions if sent.subscriptions is not None else old.events if old else [],
        active=sent.status != INACTIVE if sent.status else old.active if old else True,
        headers="\n".join(f"{key}: {value}" for key, value in (headers if headers is not None else _old(old)).items()),
        authentication=kind,
        user_name=user_name,
        password=password,
    )


def _old(webhook: Webhook | None) -> dict[str, str]:
    return webhook.headers if webhook else {}


def _credentials(old: Webhook | None, sent: WebhookIn) -> tuple[str, str, str]:
    if "authentication" not in sent.model_fields_set:
        return (old.authentication, old.user_name, "") if old else ("", "", "")
    if not sent.authentication:
        return "", "", ""
    kind = next((ours for ours, theirs in _KINDS.items() if theirs == sent.authentication.get("type")), None)
    if kind is None:
        raise InvalidError(authentication=f"Authentication: type is one of {', '.join(_KINDS.values())}")
    data = sent.authentication.get("data")
    data = data if isinstance(data, dict) else {}
    return kind, str(data.get("username", "")), str(data.get("password") or data.get("token") or "")


def _secret(text: str) -> dict[str, str]:
    return {"algorithm": "SHA256", "secret": text}


def _present_calls(calls: list[WebhookCall]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(call.pk),
            "event": call.event,
            "event_id": call.event_id,
            "status": call.state,
            "status_code": call.status_code,
            "error": call.error or None,
            "attempts": call.attempts,
            "history": call.history,
            "created_at": time(call.created_at),
            "latest_completed_at": time(call.finished_at),
        }
        for call in calls
    ]
