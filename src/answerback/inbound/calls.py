"""Calls of mail services: whose they are, and what one hears that is refused.

Policy: who calls is checked first (mailroom.webhook_signatures). What is refused is answered with the name of the
reason and told in the log in one line that says what to mend, at most one for each reason in a minute: anybody can call
us. Where storing fails the service hears "later" (503) and calls again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from answerback.core import clock, rate
from answerback.inbound import sns
from answerback.outbound import providers
from mailroom import webhook_signatures
from mailroom.bounces.json_text import string_of
from mailroom.webhook_signatures import Call, Refusal

# reason → HTTP status, and what the log says of it
REASONS: Final[Mapping[str, tuple[int, str]]] = {
    "not_set_up": (404, "{setting} is not set"),
    "no_door": (404, "this service hands over no mail as it came"),
    "not_post": (405, "it is no POST"),
    "too_big": (413, "it is larger than we take"),
    "not_json": (415, "it is no JSON"),
    "no_raw_mail": (422, "it holds no mail as it came: let the service send raw mail"),
    Refusal.UNSIGNED: (401, "it has no signature or password: switch signing on, or call https://user:password@…"),
    Refusal.BAD_SIGNATURE: (403, "its signature or password does not fit {setting}"),
    Refusal.WRONG_TOPIC: (403, "its topic is not the one in {setting}"),
    Refusal.REPLAYED: (403, "it was signed at another time: an old call, or the clock of this machine is wrong"),
    "amazon_silent": (503, "Amazon cannot be asked whether it signed this; it will call again"),
    "not_stored": (503, "it cannot be stored now; the service will call again"),
}
_LOGGED = rate.Counter(60)
log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The call is not taken; `args[0]` is one of REASONS."""


def answered(take: Callable[[HttpRequest, str], str]) -> Callable[[HttpRequest, str], HttpResponse]:
    """A view of `take`, which says in a word what became of the call, or RefusedError."""

    @csrf_exempt
    def view(request: HttpRequest, provider: str) -> HttpResponse:
        if request.method == "HEAD":  # some look whether there is anybody
            return HttpResponse()
        try:
            return JsonResponse({"state": take(request, provider)})
        except RefusedError as refused:
            return _refuse(request, provider, str(refused))

    return view


def body_of(request: HttpRequest, provider: str, most: int) -> bytes:
    """What a service that is set up has posted, at most so many octets. RefusedError."""
    if not providers.is_set_up(provider):
        raise RefusedError("not_set_up")
    if request.method != "POST":
        raise RefusedError("not_post")
    try:
        body: bytes = request.read(most + 1)
    except UnreadablePostError:
        raise RefusedError("too_big") from None
    if len(body) > most:
        raise RefusedError("too_big")
    return body


def json_of(body: bytes) -> dict[str, Any] | list[Any]:
    """RefusedError. Content-Type is no help: Amazon calls it text/plain."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("not_json") from None
    if not isinstance(content, dict | list):
        raise RefusedError("not_json")
    return content


def check(request: HttpRequest, provider: str, body: bytes, content: object) -> None:
    """Is it that service? Amazon's question whether the address is ours is answered on the way. RefusedError."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(body, headers, content if isinstance(content, dict) else {}, sns.certificate)
    try:
        refusal = webhook_signatures.refusal(provider, settings.EVENT_SECRETS[provider], call, clock.now())
        if refusal:
            raise RefusedError(refusal.value)
        if provider == "ses" and string_of(call.content, "Type") == "SubscriptionConfirmation":
            topic = string_of(call.content, "TopicArn")  # one that the admin has named
            sns.confirm(topic, string_of(call.content, "Token"))
            log.info("the subscription of %s is confirmed", topic)
    except OSError as error:
        log.warning("Amazon does not answer: %s", error)
        raise RefusedError("amazon_silent") from None


def peer_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _refuse(request: HttpRequest, provider: str, reason: str) -> HttpResponse:
    status, said = REASONS[reason]
    known = providers.PROVIDERS.get(provider)
    if known and _LOGGED.count(f"{provider} {reason}", 1).left >= 0:
        words = said.format(setting=providers.setting(provider))
        log.warning("a call of %s is refused (%s, from %s): %s", known.name, reason, peer_of(request), words)
    response = JsonResponse({"error": reason}, status=status)
    if reason == Refusal.UNSIGNED:
        response.headers["WWW-Authenticate"] = 'Basic realm="hooks"'
    if reason == "not_post":
        response.headers["Allow"] = "POST"
    return response
