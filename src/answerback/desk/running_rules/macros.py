"""Applying a macro: what it puts into the composer and which fields will change. Nothing is stored until it is sent.

Placeholders are substituted once, now, so that the agent sees the words that will go out; what a customer wrote stays
the text it is. On a ticket that is not there yet its number, and what nobody has typed, is left open and filled in when
the ticket is opened: the draft remembers which placeholders these are, and no others are touched. It also remembers
which macros were chosen, and sending carries out their changes with the comment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils import translation
from django.utils.html import escape

from answerback.desk.composing import new_ticket
from answerback.desk.composing.reply import Reply
from answerback.outbound import standing
from answerback.people import identities
from answerback.people.models import Account, Group, Identity
from answerback.rules import macros as rows
from answerback.rules import placeholders
from answerback.rules.models import Macro
from answerback.tickets.changes import UNSET, Changes, Unset
from answerback.tickets.models import SupportAddress, Ticket

# what the form of a new ticket may leave open: known once the ticket is there
LATER = frozenset(
    {
        "ticket.id",
        "ticket.title",
        "ticket.requester.name",
        "ticket.requester.email",
        "ticket.assignee.name",
        "ticket.group.name",
    }
)


@dataclass(frozen=True)
class Plan:
    """What sending will change. `fields`: the same as (field, value), for people."""

    changes: Changes
    fields: Sequence[tuple[str, str]]

    @property
    def status(self) -> str:
        return "" if isinstance(self.changes.status, Unset) else self.changes.status


@dataclass(frozen=True)
class Applied:
    """`public` None: as it stands in the composer. `later`: placeholders that stay in the text until it is sent."""

    macro: Macro
    text: str
    public: bool | None
    plan: Plan
    later: Sequence[str] = ()


def find(macro_id: int, by: Account) -> Macro | None:
    """An active macro that `by` may use."""
    return rows.visible_to(by).filter(pk=macro_id, active=True).first()


def apply(macro: Macro, ticket: Ticket, by: Account) -> Applied:
    """What the macro would do on the ticket if `by` sends it."""
    language = ticket.requester.language or ticket.support_address.language
    return _apply(macro, language, lambda: _values(ticket, by), by)


def apply_to_new(macro: Macro, typed: Mapping[str, str], by: Account) -> Applied:
    """The same for a ticket that is not there yet, from what stands in its form (`new_ticket.check_typed`)."""
    known = identities.find(typed.get("requester", "").strip())
    support = new_ticket.support_address_of(typed)
    language = (known.person.language if known else "") or (support.language if support else "en")
    return _apply(macro, language, lambda: _values_of_new(typed, known, support, by), by)


def complete(written: Reply, ticket: Ticket, names: Collection[str], by: Account) -> Reply:
    """What a macro had to leave open in a new ticket's comment, now that there is one."""
    asked = LATER & set(names)
    if not asked:
        return written
    values = {name: value for name, value in _values(ticket, by).items() if name in asked}
    in_html = {name: escape(value) for name, value in values.items()}
    return replace(
        written,
        text=placeholders.fill_in(written.text, values),
        html=placeholders.fill_in(written.html, in_html),
    )


def plan(macro: Macro, by: Account) -> Plan:
    given = _given(macro)
    fields = [(name, _shown(name, value, by)) for name, value in given.items() if not name.startswith("comment_")]
    return Plan(_changes(given, by), fields)


def chosen(text: str, by: Account) -> list[Macro]:
    """The macros that a draft remembers ("3,7"), in that order; what is gone or not theirs is left out."""
    ids = list(dict.fromkeys(int(part) for part in text.split(",") if part.isdecimal() and len(part) < 18))
    found = {row.pk: row for row in rows.visible_to(by).filter(pk__in=ids, active=True)}
    return [found[pk] for pk in ids if pk in found]


def changes_of(macros: Sequence[Macro], by: Account) -> Changes:
    """What they change together; of two that set the same field the later one counts."""
    total = Changes()
    for macro in macros:
        total = _together(total, _changes(_given(macro), by))
    return total


def _given(macro: Macro) -> dict[str, Any]:
    return {row["field"]: row["value"] for row in macro.actions}


def _apply(macro: Macro, language: str, known: Callable[[], Mapping[str, str]], by: Account) -> Applied:
    """What is not known, and may be later, stays a placeholder."""
    given = _given(macro)
    mode, text = given.get("comment_mode_is_public"), _text(given.get("comment_value"), language)
    asked = placeholders.known(text)
    with translation.override(language):
        values = known() if asked else {}
    later = sorted(name for name in asked & LATER if name not in values)
    return Applied(
        macro=macro,
        text=placeholders.substitute_text(text, {**values, **{name: f"{{{{{name}}}}}" for name in later}}),
        public=None if mode not in ("true", "false") else mode == "true",
        plan=plan(macro, by),
        later=later,
    )


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


def _text(texts: object, language: str) -> str:
    """In the requester's language, else the one the desk answers in."""
    if not isinstance(texts, dict) or not texts:
        return ""
    # a note is for colleagues, but they share the desk's language more often than not: one rule for both
    return texts.get(language) or texts.get("") or str(next(iter(texts.values())))


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


def _values_of_new(
    typed: Mapping[str, str], requester: Identity | None, support: SupportAddress | None, by: Account
) -> dict[str, str]:
    """Without what nobody has said yet."""
    assignee = new_ticket.row_of(Account, typed.get("assignee", ""))
    group = new_ticket.row_of(Group, typed.get("group", ""))
    values = {
        "ticket.title": " ".join(typed.get("subject", "").split()),
        "ticket.requester.name": requester.person.name if requester else typed.get("requester_name", "").strip(),
        "ticket.requester.email": typed.get("requester", "").strip(),
        "ticket.assignee.name": assignee.person.name if assignee else "",
        "ticket.group.name": group.name if group else "",
        "current_user.name": by.person.name,
        "support.name": support.name if support else "",
    }
    return {name: value for name, value in values.items() if value}


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 18 else 0
