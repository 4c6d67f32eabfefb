"""Webhooks come, change and go. The secret that signs is made here and given out once.

What signs in at the other side (password, bearer token) goes in and is never shown again: an empty field keeps it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction

from answerback.core import clock, ids
from answerback.core.sealed_field import is_unreadable
from answerback.rules.models import Webhook

EVENTS: Final = ("delivery.failed", "delivery.resolved", "delivery.complaint")
MOST_HEADERS = 20
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110 §5.6.2
# what we say ourselves, or what would change how the call is framed
_OURS = {
    *("host", "content-length", "content-type", "transfer-encoding", "connection"),
    *("user-agent", "accept-encoding", "authorization"),
}
_OUR_PREFIX = "x-answerback-"


class BadWebhookError(ValueError):
    """`field` and `problem`: machine words for the form."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


@dataclass(frozen=True)
class Wanted:
    """What an admin typed. `headers`: one "Name: value" a line."""

    name: str
    endpoint: str
    events: Sequence[str]
    active: bool
    headers: str = ""
    authentication: str = ""
    user_name: str = ""
    password: str = ""


def save_webhook(webhook: Webhook | None, wanted: Wanted) -> Webhook:
    """A new webhook (None) or a changed one. BadWebhookError."""
    now = clock.now()
    endpoint, headers = _endpoint(wanted.endpoint), _headers(wanted.headers)
    if webhook is None:
        webhook = Webhook(secret=ids.random_token(), created_at=now)
    moved = bool(webhook.endpoint) and _origin(webhook.endpoint) != _origin(endpoint)
    if (moved or webhook.authentication != wanted.authentication) and not wanted.password:
        webhook.password = ""  # what was meant for one server is not handed to another
    if wanted.authentication and not (wanted.password or webhook.password):
        raise BadWebhookError("password", "missing")
    webhook.name = " ".join(wanted.name.split())[:100]
    webhook.endpoint, webhook.headers = endpoint, headers
    webhook.events = [event for event in EVENTS if event in wanted.events]
    webhook.authentication = wanted.authentication
    webhook.user_name = wanted.user_name.strip()[:200] if wanted.authentication == "basic" else ""
    webhook.password = (wanted.password[:2000] or webhook.password) if wanted.authentication else ""
    _set_active(webhook, wanted.active)
    webhook.updated_at = now
    webhook.save()
    return webhook


def switch(webhook: Webhook, active: bool) -> None:
    _set_active(webhook, active)
    webhook.updated_at = clock.now()
    webhook.save(update_fields=["active", "switched_off_at", "failing_since", "updated_at"])


def rotate_secret(webhook: Webhook) -> str:
    """A new secret; what is signed from now on is signed with it."""
    webhook.secret, webhook.updated_at = ids.random_token(), clock.now()
    webhook.save(update_fields=["secret", "updated_at"])
    return webhook.secret


def seal_anew() -> None:
    """Seal under today's key what lay plain or under an older one."""
    with transaction.atomic():
        for webhook in Webhook.objects.select_for_update():
            webhook.save(update_fields=["secret", "password"])


def unreadable() -> list[str]:
    """The names of those whose secret or password no key opens."""
    return [one.name for one in Webhook.objects.all() if is_unreadable(one.secret) or is_unreadable(one.password)]


def delete_webhook(webhook: Webhook) -> None:
    """With its log. Triggers that name it do nothing from then on."""
    webhook.delete()


def header_lines(webhook: Webhook) -> str:
    return "\n".join(f"{name}: {value}" for name, value in webhook.headers.items())


def _set_active(webhook: Webhook, active: bool) -> None:
    """Switched on again, it gets the whole time anew before it counts as broken."""
    if active and not webhook.active:
        webhook.switched_off_at = webhook.failing_since = None
    webhook.active = active


def _origin(endpoint: str) -> tuple[str, str]:
    parts = urlsplit(endpoint)
    return parts.scheme, parts.netloc.lower()


def _endpoint(text: str) -> str:
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # the port raises where it is none
    except ValueError:
        raise BadWebhookError("endpoint", "not_an_address") from None
    if parts.scheme not in ("http", "https") or not host or len(text) > 2000 or re.search(r"[\s\x00-\x1f]", text):
        raise BadWebhookError("endpoint", "not_an_address")
    if parts.username is not None or parts.fragment:
        raise BadWebhookError("endpoint", "with_user")
    if not _is_host(host):
        raise BadWebhookError("endpoint", "not_an_address")
    return text


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            return bool(host.encode("idna"))
        except UnicodeError:
            return False
    return True


def _headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not _TOKEN.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise BadWebhookError("headers", "not_a_header")
        if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIX):
            raise BadWebhookError("headers", "ours")
        found[name] = value[:1000]
    if len(found) > MOST_HEADERS:
        raise BadWebhookError("headers", "too_many")
    return found
