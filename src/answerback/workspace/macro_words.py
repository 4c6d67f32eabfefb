"""Macros in the reader's words: titles with their headings, and what each will change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.desk.running_rules import macros
from answerback.desk.running_rules.macros import Plan
from answerback.people.models import Account
from answerback.rules.models import Macro
from answerback.workspace import words

FIELDS = {
    "status": gettext_noop("Status"),
    "priority": gettext_noop("Priority"),
    "type": gettext_noop("Type"),
    "assignee_id": gettext_noop("Assignee"),
    "group_id": gettext_noop("Group"),
    "set_tags": gettext_noop("Only these tags"),
    "current_tags": gettext_noop("Add tags"),
    "remove_tags": gettext_noop("Remove tags"),
    "cc": gettext_noop("CC"),
}

OF_NEW_TICKET = ("status", "assignee_id", "group_id")  # fields that stand in the form of a new ticket


@dataclass(frozen=True)
class Chip:
    """A macro that was chosen in the composer, and what sending will change."""

    macro_id: int
    title: str
    lines: Sequence[str]
    status: str  # "" where it leaves the status alone


def title_of(macro: Macro) -> str:
    """Shipped macros speak the reader's language."""
    return _(macro.title) if macro.key else macro.title


def name_of(macro: Macro) -> str:
    """The title without its headings."""
    return title_of(macro).rpartition("::")[2]


def lines_of(plan: Plan, but: Collection[str] = ()) -> list[str]:
    """`but`: fields that the form shows itself."""
    told = [(name, value) for name, value in plan.fields if name in FIELDS and name not in but]
    return [f"{_(FIELDS[name])}: {_value(name, value)}" for name, value in told]


def applied(text: str, account: Account, but: Collection[str] = ()) -> list[Chip]:
    """The macros that a draft remembers."""
    found = macros.chosen(text, account) if text else []
    plans = [(row, macros.plan(row, account)) for row in found]
    return [Chip(row.pk, name_of(row), lines_of(plan, but), plan.status) for row, plan in plans]


def _value(name: str, value: str) -> str:
    return words.value_name(name, value)
