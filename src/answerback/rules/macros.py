"""Macros come, change, move and go. Deleting can be taken back for a day.

Whose they are: shared with everybody or with one group (admins make those), or one's own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from answerback.core import clock, places
from answerback.people.models import Account, Group
from answerback.rules.models import Macro

DELETED_KEPT = timedelta(days=1)
FIELDS = (
    *("comment_value", "comment_mode_is_public", "status", "priority", "type"),
    *("assignee_id", "group_id", "set_tags", "current_tags", "remove_tags", "cc"),
)


@dataclass(frozen=True)
class Wanted:
    """What was typed. `actions`: field -> value, "" and {} left out by whoever reads the form."""

    title: str
    description: str = ""
    active: bool = True
    owner: Account | None = None
    group: Group | None = None
    actions: dict[str, Any] = field(default_factory=dict)


def visible_to(account: Account) -> QuerySet[Macro]:
    """Shared ones and those of the account's groups, then its own."""
    group = Q(group__isnull=True) | Q(group__in=account.groups.all())
    rows = Macro.objects.filter(Q(owner=account) | Q(owner__isnull=True) & group, deleted_at__isnull=True)
    return rows.order_by(F("owner").asc(nulls_first=True), "position", "id")


def may_change(macro: Macro, account: Account) -> bool:
    return account.is_admin if macro.owner_id is None else macro.owner_id == account.pk


def save_macro(macro: Macro | None, wanted: Wanted) -> Macro:
    """A new macro (None) or a changed one. Whoever changes a shipped one makes its title their own."""
    now = clock.now()
    if macro is None:
        last = Macro.objects.aggregate(last=Max("position"))["last"] or 0
        macro = Macro(position=last + 1, created_at=now)
    elif macro.title != wanted.title:
        macro.key = ""
    macro.title = clean_title(wanted.title)
    macro.description = " ".join(wanted.description.split())[:300]
    macro.active, macro.owner, macro.group = wanted.active, wanted.owner, wanted.group
    macro.actions = [{"field": name, "value": wanted.actions[name]} for name in FIELDS if name in wanted.actions]
    macro.updated_at = now
    macro.save()
    return macro


def clean_title(title: str) -> str:
    """Headings and name, each trimmed: "Undelivered::Reached another way"."""
    parts = [" ".join(part.split()) for part in title.split("::")]
    return "::".join(filter(None, parts))[:200]


def delete_macro(macro: Macro) -> None:
    Macro.objects.filter(pk=macro.pk).update(deleted_at=clock.now())


def take_back(macro_id: int) -> bool:
    """Undo a deletion. False where it is too late."""
    return Macro.objects.filter(pk=macro_id, deleted_at__isnull=False).update(deleted_at=None) == 1


def move(macros: Sequence[Macro], macro: Macro, place: int) -> None:
    """To that place, counted from 0, among `macros`, which are in order."""
    with transaction.atomic():
        for pk, position in places.moved(macros, macro, place).items():
            Macro.objects.filter(pk=pk).update(position=position)


def count_use(macro_ids: Collection[int]) -> None:
    Macro.objects.filter(pk__in=macro_ids).update(used=F("used") + 1, last_used_at=clock.now())


def forget_deleted() -> int:
    return Macro.objects.filter(deleted_at__lt=clock.now() - DELETED_KEPT).delete()[0]
