"""Providers of mail services that take our mail by SMTP and tell by HTTP what became of it.

Policy: a provider is set up once its secret is (`settings.EVENT_SECRETS`). Then its events are believed, and every mail
carries, beside `X-Answerback-Delivery`, the header in which that provider keeps something for us; the signed delivery
token travels in it, and comes back with each event. Providers that give back the headers of the mail need none.

Most of them replace the return path by their own and keep reports to themselves: without their events an answer that is
lost stays "accepted".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from django.conf import settings

from answerback.env import PREFIX
from mailroom.bounces.original import METADATA

Headers = Mapping[str, str]


def _none(token: str) -> Headers:
    return {}


def _json(name: str, *path: str) -> Callable[[str], Headers]:
    """The token in a JSON object of the header `name`, under `path`."""

    def headers(token: str) -> Headers:
        value: object = {METADATA: token}
        for key in reversed(path):
            value = {key: value}
        return {name: json.dumps(value)}

    return headers


def _postmark(token: str) -> Headers:
    """Postmark would put a Message-ID of its own in the place of ours."""
    return {f"X-PM-Metadata-{METADATA}": token, "X-PM-KeepID": "true"}


@dataclass(frozen=True, slots=True)
class Provider:
    name: str  # as it calls itself
    hosts: tuple[str, ...]  # its SMTP servers; `*` is any part of the name
    headers: Callable[[str], Headers]  # that carry the delivery token there and back
    hands_over_mail: bool = False  # that it took for us, as it came (inbound.mail_calls)


PROVIDERS: Final[Mapping[str, Provider]] = {
    "brevo": Provider("Brevo", ("*.brevo.com", "*.sendinblue.com"), _json("X-Mailin-custom")),
    "mailgun": Provider("Mailgun", ("*.mailgun.org",), _json("X-Mailgun-Variables"), hands_over_mail=True),
    "mailjet": Provider("Mailjet", ("*.mailjet.com",), _json("X-MJ-EventPayload")),
    "postmark": Provider("Postmark", ("*.postmarkapp.com",), _postmark, hands_over_mail=True),
    "resend": Provider("Resend", ("*.resend.com",), _none),
    "sendgrid": Provider("SendGrid", ("*.sendgrid.net",), _json("X-SMTPAPI", "unique_args"), hands_over_mail=True),
    "ses": Provider("Amazon SES", ("email-smtp*.amazonaws.com",), _none, hands_over_mail=True),
    "sparkpost": Provider("SparkPost", ("*.sparkpostmail.com",), _json("X-MSYS-API", "metadata"), hands_over_mail=True),
}
_DOORWAY: Final = "event-"


def doorway(provider: str) -> str:
    """The doorway of RawMail by which its events come."""
    return f"{_DOORWAY}{provider}"


def of_doorway(doorway: str) -> str:
    """The other way round; "" for a doorway of mail."""
    return doorway.removeprefix(_DOORWAY) if doorway.startswith(_DOORWAY) else ""


def setting(provider: str) -> str:
    """The name of the setting that holds its secret."""
    return f"{PREFIX}EVENTS_{provider.upper()}"


def is_set_up(provider: str) -> bool:
    return bool(settings.EVENT_SECRETS.get(provider))


def marks(token: str) -> Headers:
    """What a copy carries besides, for all providers that are set up."""
    found: dict[str, str] = {}
    for key, secret in settings.EVENT_SECRETS.items():
        if secret:
            found.update(PROVIDERS[key].headers(token))
    return found


def provider_of(host: str) -> str:
    """The key of the provider whose SMTP server that is; "" for any other."""
    name = host.lower()
    return next((key for key, one in PROVIDERS.items() if any(fnmatchcase(name, host) for host in one.hosts)), "")
