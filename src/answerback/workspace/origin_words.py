"""Where each value on a card was read: in the server's reply to us, a field of a report, a line of a notice."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.outbound.models import DeliveryEvent
from answerback.outbound.providers import PROVIDERS
from mailroom.report import Source, Stage

VALUES = {
    "recipient": gettext_noop("Recipient"),
    "action": gettext_noop("Outcome"),
    "reply_code": gettext_noop("Reply code"),
    "status": gettext_noop("Enhanced code"),
    "diagnostic": gettext_noop("Text"),
}
# origins of mailroom's readers
PLACES = {
    "inferred": gettext_noop("not said; inferred from the code"),
    "wording": gettext_noop("the wording of the notice"),
    "text": gettext_noop("a line of the notice"),
    "named": gettext_noop("a line of the notice that names it"),
    "heading": gettext_noop("a heading of the notice"),
    "listed": gettext_noop("a list in the notice"),
    "told": gettext_noop("a sentence of the notice"),
    "spoken": gettext_noop("the dialogue that the notice quotes"),
    "near": gettext_noop("next to the reason in the notice"),
    "origin": gettext_noop("the notice’s words on where it was forwarded from"),
    "addressed": gettext_noop("the notice’s summary of our mail"),
    "alone": gettext_noop("the only address there is"),
    "from": gettext_noop("the notice’s sender"),
    "original": gettext_noop("the mail that came back"),
    "feedback-report": gettext_noop("a field of the complaint"),
}
FIELDS = {
    "final-recipient": "Final-Recipient",
    "original-recipient": "Original-Recipient",
    "action": "Action",
    "status": "Status",
    "diagnostic-code": "Diagnostic-Code",
    "disposition": "Disposition",
}
COMMANDS = {
    Stage.BANNER: gettext_noop("connecting"),
    Stage.EHLO: "EHLO",
    Stage.STARTTLS: "STARTTLS",
    Stage.AUTH: "AUTH",
    Stage.MAIL: "MAIL FROM",
    Stage.RCPT: "RCPT TO",
    Stage.DATA: "DATA",
    Stage.BODY: gettext_noop("the mail itself"),
    Stage.DOT: gettext_noop("the mail itself"),
}


def lines(event: DeliveryEvent, stage: str) -> list[tuple[str, str]]:
    """Value and place, in words. `stage`: where in the dialogue it was, of our own sessions."""
    origins = _of_session(event, stage) if event.source == Source.SESSION else _of_report(event.origins)
    return [(_(VALUES[value]), origins[value]) for value in VALUES if value in origins]


def told_by(provider: str) -> str:
    return _("told by %s") % PROVIDERS[provider].name


def _of_session(event: DeliveryEvent, stage: str) -> dict[str, str]:
    said = {"reply_code": event.smtp_code, "status": event.enhanced_code, "diagnostic": event.diagnostic}
    command = COMMANDS.get(Stage(stage)) if stage else None
    place = _("the server’s reply to %s") % _(command) if command else _("the server’s reply to us")
    return {value: place for value, there in said.items() if there}


def _of_report(origins: Mapping[str, str]) -> dict[str, str]:
    return {value: _place(origin) for value, origin in origins.items()}


def _place(origin: str) -> str:
    if origin in FIELDS:
        return _("the field %s of the report") % FIELDS[origin]
    if origin in PROVIDERS:
        return _("the event of %s") % PROVIDERS[origin].name
    return _(PLACES[origin]) if origin in PLACES else origin
