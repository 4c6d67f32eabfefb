"""Administration of webhooks: the list, the form, and each one's page with its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_POST

from answerback.desk.calling_webhooks import webhook_http, webhook_queue
from answerback.desk.calling_webhooks import webhooks as desk_webhooks
from answerback.desk.calling_webhooks.webhook_policy import FORBIDDEN
from answerback.rules import webhooks as rows
from answerback.rules.models import Webhook, WebhookCall
from answerback.rules.webhooks import BadWebhookError, Wanted
from answerback.workspace.access import admin_required
from answerback.workspace.pages.profile import dress

LOG_PAGE = 30
JUST_MADE = "webhook_just_made"  # in the session, until it has been shown
EVENTS = {
    "delivery.failed": gettext_lazy("Delivery failed"),
    "delivery.resolved": gettext_lazy("Failure resolved"),
    "delivery.complaint": gettext_lazy("Complaint"),
    "trigger": gettext_lazy("By a trigger"),
    "test": gettext_lazy("Test call"),
}
AUTHENTICATIONS = [
    ("", gettext_lazy("None")),
    ("basic", gettext_lazy("User name and password")),
    ("bearer", gettext_lazy("Bearer token")),
]
PROBLEMS = {
    "not_an_address": gettext_lazy("This is not an address that begins with http:// or https://."),
    "with_user": gettext_lazy("User names and #fragments cannot stand in the address: use the fields below."),
    "not_a_header": gettext_lazy("Each line is “Name: value”, in plain letters."),
    "ours": gettext_lazy("One of these headers is set by Answerback itself."),
    "too_many": gettext_lazy("There can be at most 20 headers."),
    "missing": gettext_lazy("Say what to sign in with."),
}
# machine words of webhook_http.post
ERRORS = {
    "timeout": gettext_noop("no answer in time"),
    FORBIDDEN: gettext_noop("the address lies in a private network, which is not allowed"),
    "no_such_host": gettext_noop("there is no such host"),
    "connection": gettext_noop("the connection failed"),
}


class WebhookForm(forms.Form):
    name = forms.CharField(max_length=100, label=gettext_lazy("Name"))
    endpoint = forms.CharField(
        max_length=2000,
        label=gettext_lazy("Endpoint"),
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
        help_text=gettext_lazy("The address that JSON is posted to."),
    )
    events = forms.MultipleChoiceField(
        required=False,
        label=gettext_lazy("Tell it of"),
        choices=[(key, EVENTS[key]) for key in rows.EVENTS],
        widget=forms.CheckboxSelectMultiple(attrs={"class": ""}),
    )
    authentication = forms.ChoiceField(
        required=False, choices=AUTHENTICATIONS, label=gettext_lazy("Signing in at the other side")
    )
    user_name = forms.CharField(
        required=False, max_length=200, label=gettext_lazy("User name"), widget=forms.TextInput({"autocomplete": "off"})
    )
    password = forms.CharField(
        required=False,
        max_length=2000,
        label=gettext_lazy("Password or token"),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=gettext_lazy("It is never shown again. Left empty, the old one stays."),
    )
    headers = forms.CharField(
        required=False,
        label=gettext_lazy("More headers"),
        widget=forms.Textarea({"rows": 3, "class": "field__input mono", "placeholder": "X-Team: billing"}),
        help_text=gettext_lazy("One “Name: value” a line."),
    )
    active = forms.BooleanField(required=False, label=gettext_lazy("Active"), widget=forms.CheckboxInput({"class": ""}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


@dataclass(frozen=True)
class LoggedCall:
    """A call as its log shows it."""

    call: WebhookCall
    event: str
    about: str  # whom it is about, and which ticket
    headers: dict[str, str]
    body: str
    error: str
    attempts: list[dict[str, Any]]


@admin_required
def webhooks(request: HttpRequest) -> HttpResponse:
    found = [{"webhook": one, "events": _event_names(one.events)} for one in Webhook.objects.all()]
    return _page(request, "admin/webhooks.html", {"webhooks": found})


@admin_required
def edit(request: HttpRequest, webhook_id: int = 0) -> HttpResponse:
    """The form of a webhook; without an id, of a new one."""
    webhook = get_object_or_404(Webhook, pk=webhook_id) if webhook_id else None
    form = WebhookForm(request.POST or None, initial=_initial(webhook))
    if request.method == "POST" and form.is_valid() and (saved := _save(form, webhook)):
        if webhook is None:
            request.session[JUST_MADE] = [saved.pk, saved.secret]
        messages.success(request, _("Saved."))
        return redirect(f"/admin/webhooks/{saved.pk}")
    return _page(request, "admin/webhook_form.html", {"webhook": webhook, "form": form})


@admin_required
def webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Its page: what it is, what it was told, newest first. `before`: the call where the last page ended."""
    found = get_object_or_404(Webhook, pk=webhook_id)
    before = request.GET.get("before", "")
    calls = found.calls.filter(pk__lt=int(before)) if before.isdigit() else found.calls.all()
    page = list(calls.order_by("-id")[: LOG_PAGE + 1])
    context = {
        "webhook": found,
        "events": _event_names(found.events),
        "calls": [_logged(call, found) for call in page[:LOG_PAGE]],
        "moving": any(call.state == WebhookCall.State.WAITING for call in page),
        "older": page[LOG_PAGE - 1].pk if len(page) > LOG_PAGE else "",
        "before": before,
        "fresh": _fresh_secret(request, found),
    }
    return _page(request, "admin/webhook.html", context)


@admin_required
@require_POST
def act(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """`act`: test, rotate, on, off or delete."""
    found = get_object_or_404(Webhook, pk=webhook_id)
    match request.POST.get("act"):
        case "test":
            desk_webhooks.test(found)
            messages.success(request, _("The test call is on its way. Its outcome appears in the log."))
        case "rotate":
            request.session[JUST_MADE] = [found.pk, rows.rotate_secret(found)]
        case "on" | "off" as way:
            rows.switch(found, way == "on")
        case "delete":
            rows.delete_webhook(found)
            messages.success(request, _("The webhook has been deleted."))
            return redirect("/admin/webhooks")
        case _:
            raise Http404
    return redirect(f"/admin/webhooks/{found.pk}")


@admin_required
@require_POST
def replay(request: HttpRequest, webhook_id: int, call_id: int) -> HttpResponse:
    call = get_object_or_404(WebhookCall, pk=call_id, webhook=webhook_id)
    if call.state != WebhookCall.State.WAITING:
        desk_webhooks.replay(call)
        messages.success(request, _("It is sent once more, with the same event id."))
    return redirect(f"/admin/webhooks/{webhook_id}")


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context | {"section": "admin", "at": "webhooks"})


def _event_names(events: list[str]) -> list[str]:
    return [str(EVENTS.get(event, event)) for event in events]


def _initial(webhook: Webhook | None) -> dict[str, Any]:
    if webhook is None:
        return {"active": True, "events": ["delivery.failed", "delivery.resolved", "delivery.complaint"]}
    names = ("name", "endpoint", "events", "authentication", "user_name", "active")
    return {name: getattr(webhook, name) for name in names} | {"headers": rows.header_lines(webhook)}


def _save(form: WebhookForm, webhook: Webhook | None) -> Webhook | None:
    try:
        return rows.save_webhook(webhook, Wanted(**form.cleaned_data))
    except BadWebhookError as error:
        form.add_error(error.field, PROBLEMS[error.problem])
        return None


def _fresh_secret(request: HttpRequest, webhook: Webhook) -> str:
    """The secret that was just made; shown once."""
    kept = request.session.get(JUST_MADE)
    if not kept or kept[0] != webhook.pk:
        return ""
    del request.session[JUST_MADE]
    return str(kept[1])


def _logged(call: WebhookCall, webhook: Webhook) -> LoggedCall:
    call.webhook = webhook
    request = webhook_queue.request_of(call)
    sent = dict(request.headers)
    if webhook.authentication:
        sent["Authorization"] = "••••••"
    body = json.loads(call.body)
    return LoggedCall(
        call=call,
        event=str(EVENTS.get(call.event, call.event)),
        about=_about(body),
        headers=sent | {webhook_http.SIGNATURE: "…", webhook_http.TIMESTAMP: "…"},
        body=json.dumps(body, indent=2, ensure_ascii=False),
        error=_error_words(call.error),
        attempts=[line | {"error": _error_words(line.get("error") or "")} for line in call.history],
    )


def _about(body: dict[str, Any]) -> str:
    recipient = (body.get("delivery") or body.get("resolution") or {}).get("recipient", "")
    ticket = (body.get("ticket") or {}).get("id")
    return " · ".join(filter(None, [f"#{ticket}" if ticket else "", recipient]))


def _error_words(error: str) -> str:
    """A machine word and its detail, for people."""
    word, _space, detail = error.partition(" ")
    if word not in ERRORS:
        return error
    return _(ERRORS[word]) + (f": {detail}" if detail else "")
