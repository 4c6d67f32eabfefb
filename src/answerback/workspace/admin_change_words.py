"""Changes of the administration as lines to read. One table for each kind of word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.desk.admin_changes import ORDER, Act, Via
from answerback.desk.models import AdminChange
from answerback.env import PREFIX
from answerback.workspace import words

KINDS: Mapping[str, str] = {
    "account": gettext_noop("Account"),
    "group": gettext_noop("Group"),
    "support_address": gettext_noop("Support address"),
    "mail_setting": gettext_noop("Setting of mail"),
    "setting": gettext_noop("Setting"),
    "trigger": gettext_noop("Trigger"),
    "automation": gettext_noop("Automation"),
    "macro": gettext_noop("Macro"),
    "cause_rule": gettext_noop("Cause rule"),
    "webhook": gettext_noop("Webhook"),
    "token": gettext_noop("API token"),
    "dkim": gettext_noop("DKIM key"),
    "lane": gettext_noop("Limit or pause of a destination"),
}
ACTS: Mapping[str, str] = {
    Act.ADDED: gettext_noop("added"),
    Act.CHANGED: gettext_noop("changed"),
    Act.REMOVED: gettext_noop("removed"),
}
VIAS: Mapping[str, str] = {
    Via.API: gettext_noop("by the API"),
    Via.COMMAND: gettext_noop("by a command"),
    Via.LINK: gettext_noop("by the link of the console"),
}
FIELDS: Mapping[str, str] = {
    "role": gettext_noop("Role"),
    "supervisor": gettext_noop("Supervisor"),
    "is_active": gettext_noop("May sign in"),
    "groups": gettext_noop("Groups"),
    "group": gettext_noop("Group"),
    "password": gettext_noop("Password"),
    "name": gettext_noop("Name"),
    "address": gettext_noop("Address"),
    "language": gettext_noop("Language"),
    "default": gettext_noop("Default"),
    "active": gettext_noop("Active"),
    "account": gettext_noop("Account"),
    "title": gettext_noop("Title"),
    "description": gettext_noop("Description"),
    "conditions": gettext_noop("Conditions"),
    "actions": gettext_noop("Actions"),
    ORDER: gettext_noop("Order"),
    "words": gettext_noop("Words"),
    "cause": gettext_noop("Cause"),
    "endpoint": gettext_noop("Endpoint"),
    "events": gettext_noop("Events"),
    "authentication": gettext_noop("Signing in at the other side"),
    "user_name": gettext_noop("User name"),
    "secret": gettext_noop("Secret"),
    "headers": gettext_noop("More headers"),
    "in_use": gettext_noop("Signs mail"),
    "private": gettext_noop("Private key"),
    "value": gettext_noop("Value"),
    "rate": gettext_noop("Limit"),
    "paused": gettext_noop("Paused"),
    "days": gettext_noop("Days"),
    "people": gettext_noop("Customers too"),
}
SETTINGS: Mapping[str, str] = {
    "escalation_hours": gettext_noop("Escalation, hours"),
    "retention": gettext_noop("How long closed tickets are kept"),
}
_SHIPPED = ("trigger", "automation", "macro")


@dataclass(frozen=True)
class Difference:
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Line:
    """A change of the page."""

    row: AdminChange
    who: str
    kind: str
    act: str
    subject: str
    via: str
    differences: list[Difference]


def line(row: AdminChange) -> Line:
    return Line(
        row=row,
        who=row.by_name,
        kind=_(KINDS[row.kind]) if row.kind in KINDS else row.kind,
        act=_(ACTS[row.act]),
        subject=_subject(row),
        via=_(VIAS[row.via]) if row.via in VIAS else "",
        differences=[Difference(_field(name), _value(was), _value(now)) for name, (was, now) in row.changes.items()],
    )


def _subject(row: AdminChange) -> str:
    if row.kind == "mail_setting":
        return f"{PREFIX}{row.subject}"
    if row.subject in SETTINGS:
        return _(SETTINGS[row.subject])
    return _title(row.subject) if row.kind in _SHIPPED else row.subject


def _title(title: str) -> str:
    """Rules and macros that we ship speak the reader's language."""
    return _(title) if title else ""


def _field(name: str) -> str:
    return _(FIELDS[name]) if name in FIELDS else name


def _value(value: object) -> str:
    match value:
        case None | "" | [] | {}:
            return "–"
        case bool():
            return _("yes") if value else _("no")
        case str():
            return _(words.ROLES[value]) if value in words.ROLES else words.LANGUAGES.get(value, value)
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(map(_title, value))
    return json.dumps(value, ensure_ascii=False)
