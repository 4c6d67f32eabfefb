"""The doorway for events: a provider calls `/hooks/<provider>/events` and tells what became of mail it took from us.

Policy: who calls is checked first (mailroom.webhook_signatures), then the body is stored as it came, and only then 200
is said; it is read afterwards like received mail (`process`). What is refused is answered with the name of the reason
and told in the log in one line that says what to mend, at most one for each reason in a minute: anybody can call us.
Where storing fails the provider hears "later" (503) and calls again. A call that was stored before is answered 200 at
once.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from answerback.core import clock, rate
from answerback.inbound import sns
from answerback.outbound import providers
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.store.raw import Incoming
from mailroom import webhook_signatures
from mailroom.bounces.json_text import string_of
from mailroom.webhook_signatures import Call, Refusal

# reason → HTTP status, and what the log says of it
REASONS: Final[Mapping[str, tuple[int, str]]] = {
    "not_set_up": (404, "{setting} is not set"),
    "not_post": (405, "it is no POST"),
    "too_big": (413, "it is larger than ANSWERBACK_MAX_FORM_SIZE"),
    "not_json": (415, "it is no JSON"),
    Refusal.UNSIGNED: (401, "it has no signature or password: switch signing on, or call https://user:password@…"),
    Refusal.BAD_SIGNATURE: (403, "its signature or password does not fit {setting}"),
    Refusal.WRONG_TOPIC: (403, "its topic is not the one in {setting}"),
    Refusal.REPLAYED: (403, "it was signed at another time: an old call, or the clock of this machine is wrong"),
    "amazon_silent": (503, "Amazon cannot be asked whether it signed this; it will call again"),
    "not_stored": (503, "it cannot be stored now; the provider will call again"),
}
_LOGGED = rate.Counter(60)
log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The call is not taken; `args[0]` is one of REASONS."""


@csrf_exempt
def receive(request: HttpRequest, provider: str) -> HttpResponse:
    if request.method == "HEAD":  # some look whether there is anybody
        return HttpResponse()
    try:
        return JsonResponse({"state": _take(request, provider)})
    except RefusedError as refused:
        return _refuse(request, provider, str(refused))


def _take(request: HttpRequest, provider: str) -> str:
    """What became of the call, in a word. RefusedError."""
    call = _read(request, provider)
    _check(provider, call)
    if provider == "ses" and string_of(call.content, "Type") == "SubscriptionConfirmation":
        _subscribe(call)
    return _store(request, provider, call.body)


def _read(request: HttpRequest, provider: str) -> Call:
    if provider not in providers.PROVIDERS or not providers.is_set_up(provider):
        raise RefusedError("not_set_up")
    if request.method != "POST":
        raise RefusedError("not_post")
    try:
        body = request.body
    except (RequestDataTooBig, UnreadablePostError):
        raise RefusedError("too_big") from None
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(body, headers, _json(body), sns.certificate)


def _json(body: bytes) -> dict[str, Any]:
    """The object; {} for a list. Its name in Content-Type is no help: Amazon calls it text/plain."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("not_json") from None
    if not isinstance(content, dict | list):
        raise RefusedError("not_json")
    return content if isinstance(content, dict) else {}


def _check(provider: str, call: Call) -> None:
    try:
        refusal = webhook_signatures.refusal(provider, settings.EVENT_SECRETS[provider], call, clock.now())
    except OSError:
        raise RefusedError("amazon_silent") from None
    if refusal:
        raise RefusedError(refusal.value)


def _subscribe(call: Call) -> None:
    """Amazon asks whether the address is ours; the topic is known to be by now."""
    topic = string_of(call.content, "TopicArn")
    try:
        sns.confirm(topic, string_of(call.content, "Token"))
    except OSError as error:
        log.warning("the subscription of %s could not be confirmed: %s", topic, error)
        raise RefusedError("amazon_silent") from None
    log.info("events of Amazon SES: the subscription of %s is confirmed", topic)


def _store(request: HttpRequest, provider: str, body: bytes) -> str:
    doorway = providers.doorway(provider)
    try:
        if RawMail.objects.filter(sha256=hashlib.sha256(body).hexdigest(), doorway=doorway).exists():
            return "known"
        raw.save_all([Incoming(body, doorway, _peer(request))])
    except (DatabaseError, OSError):
        log.exception("events of %s cannot be stored", provider)
        raise RefusedError("not_stored") from None
    return "stored"


def _refuse(request: HttpRequest, provider: str, reason: str) -> HttpResponse:
    status, said = REASONS[reason]
    known = providers.PROVIDERS.get(provider)
    if known and _LOGGED.count(f"{provider} {reason}", 1).left >= 0:
        words = said.format(setting=providers.setting(provider))
        log.warning("a call with events of %s is refused (%s, from %s): %s", known.name, reason, _peer(request), words)
    response = JsonResponse({"error": reason}, status=status)
    if reason == Refusal.UNSIGNED:
        response.headers["WWW-Authenticate"] = 'Basic realm="events"'
    if reason == "not_post":
        response.headers["Allow"] = "POST"
    return response


def _peer(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
