"""Applying a macro: what it puts into the composer and which fields will change. Nothing is stored until it is sent.

Placeholders are substituted once, now, so that the agent sees the words that will go out; what a customer wrote stays
the text it is. The draft remembers which macros were chosen, and sending carries out their changes with the comment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import translation

from answerback.outbound import standing
from answerback.people import identities
from answerback.people.models import Account, Group
from answerback.rules import macros as rows
from answerback.rules import placeholders
from answerback.rules.models import Macro
from answerback.tickets.changes import UNSET, Changes, Unset
from answerback.tickets.models import Ticket


@dataclass(frozen=True)
class Applied:
    """`public` None: as it stands in the composer. `fields`: (field, value) of what changes on sending, for people."""

    macro: Macro
    text: str
    public: bool | None
    changes: Changes
    fields: Sequence[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "" if isinstance(self.changes.status, Unset) else self.changes.status


def find(macro_id: int, by: Account) -> Macro | None:
    """An active macro that `by` may use."""
    return rows.visible_to(by).filter(pk=macro_id, active=True).first()


def apply(macro: Macro, ticket: Ticket, by: Account) -> Applied:
    """What the macro would do on the ticket if `by` sends it."""
    given = {row["field"]: row["value"] for row in macro.actions}
    mode = given.get("comment_mode_is_public")
    return Applied(
        macro=macro,
        text=_text(given.get("comment_value"), ticket, by),
        public=None if mode not in ("true", "false") else mode == "true",
        changes=_changes(given, by),
        fields=[(name, _shown(name, value, by)) for name, value in given.items() if not name.startswith("comment_")],
    )


def chosen(text: str, by: Account) -> list[Macro]:
    """The macros that a draft remembers ("3,7"), in that order; what is gone or not theirs is left out."""
    ids = list(dict.fromkeys(int(part) for part in text.split(",") if part.isdecimal() and len(part) < 18))
    found = {row.pk: row for row in rows.visible_to(by).filter(pk__in=ids, active=True)}
    return [found[pk] for pk in ids if pk in found]


def changes_of(macros: Sequence[Macro], by: Account) -> Changes:
    """What they change together; of two that set the same field the later one counts."""
    total = Changes()
    for macro in macros:
        total = _together(total, _changes({row["field"]: row["value"] for row in macro.actions}, by))
    return total


def _together(first: Changes, then: Changes) -> Changes:
    names = ("status", "priority", "type", "assignee", "group", "set_tags")
    later = {name: getattr(then, name) for name in names if getattr(then, name) is not UNSET}
    return replace(
        first,
        **later,
        add_tags=[*first.add_tags, *then.add_tags],
        remove_tags=[*first.remove_tags, *then.remove_tags],
        add_ccs=[*first.add_ccs, *then.add_ccs],
    )


def _changes(given: Mapping[str, Any], by: Account) -> Changes:
    wanted: dict[str, Any] = {name: given[name] for name in ("status", "priority", "type") if given.get(name)}
    for name, key in (("set_tags", "set_tags"), ("current_tags", "add_tags"), ("remove_tags", "remove_tags")):
        if given.get(name):
            wanted[key] = str(given[name]).split()
    if "assignee_id" in given and (found := _assignee(given["assignee_id"], by)) is not UNSET:
        wanted["assignee"] = found
    if "group_id" in given and (group := _group(given["group_id"])) is not UNSET:
        wanted["group"] = group
    if given.get("cc"):
        wanted["add_ccs"] = _people(str(given["cc"]))
    return Changes(**wanted)


def _assignee(value: object, by: Account) -> Account | Unset | None:
    """Nobody for "none"; somebody who left stays unset."""
    if value == "current_user":
        return by
    if value == "none":
        return None
    return Account.objects.filter(pk=_number(value), is_active=True).first() or UNSET


def _group(value: object) -> Group | Unset | None:
    if value == "none":
        return None
    return Group.objects.filter(pk=_number(value)).first() or UNSET


def _people(text: str) -> list[Any]:
    found = (identities.find(address) for address in text.replace(",", " ").split())
    return [identity.person for identity in found if identity]


def _shown(name: str, value: object, by: Account) -> str:
    """The value in words where it is an id; the door has words for the rest."""
    if name == "assignee_id":
        found = _assignee(value, by)
        return found.person.name if isinstance(found, Account) else ""
    if name == "group_id":
        group = _group(value)
        return group.name if isinstance(group, Group) else ""
    return str(value)


def _text(texts: object, ticket: Ticket, by: Account) -> str:
    """In the requester's language, else the one the desk answers in."""
    if not isinstance(texts, dict) or not texts:
        return ""
    language = ticket.requester.language or ticket.support_address.language
    # a note is for colleagues, but they share the desk's language more often than not: one rule for both
    text = texts.get(language) or texts.get("") or next(iter(texts.values()))
    with translation.override(language):
        return placeholders.substitute_text(text, _values(ticket, by))


def _values(ticket: Ticket, by: Account) -> dict[str, str]:
    failed = standing.open_failures(ticket.pk)
    identity = identities.primary_of(ticket.requester)
    return {
        "ticket.id": str(ticket.pk),
        "ticket.title": ticket.subject,
        "ticket.requester.name": ticket.requester.name,
        "ticket.requester.email": identity.address if identity else "",
        "ticket.assignee.name": ticket.assignee.person.name if ticket.assignee else "",
        "ticket.group.name": ticket.group.name if ticket.group else "",
        "ticket.delivery_failures": "\n".join(map(standing.describe, failed)),
        "ticket.undelivered_to": ", ".join(dict.fromkeys(standing.name_of(chain.newest) for chain in failed)),
        "current_user.name": by.person.name,
        "support.name": ticket.support_address.name,
    }


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 18 else 0
