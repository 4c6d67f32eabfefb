"""A program that listens: the demo's webhook calls it, so that its log shows calls that arrive. It keeps nothing."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from answerback.rules import webhooks
from answerback.rules.webhooks import EVENTS, Wanted


def install() -> None:
    """The demo's webhook."""
    endpoint = f"{settings.BASE_URL}/sandbox/receiver"
    webhooks.save_webhook(None, Wanted(name="Billing system (played)", endpoint=endpoint, events=EVENTS, active=True))


@csrf_exempt  # whoever calls is no browser
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    if not settings.SANDBOX:
        raise Http404
    return HttpResponse("Thank you. Noted.\n", content_type="text/plain")
