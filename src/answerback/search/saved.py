"""Views that people make: saved, cloned, put in order, switched off, thrown away and taken back.

System views stay as they are but for their place and whether they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from answerback.core import clock, live, places
from answerback.people.models import Account, Group
from answerback.search.models import View
from answerback.search.sorts import GROUPINGS, SORTS
from answerback.search.views import COLUMNS

FALLBACK_COLUMNS = ["subject", "requester", "status", "assignee", "updated"]
KEPT_DELETED = timedelta(days=7)


@dataclass(frozen=True)
class Definition:
    """What a view says. `owner` and `group` None: everybody sees it."""

    title: str
    conditions: dict[str, list[dict[str, Any]]]
    columns: Sequence[str] = field(default_factory=lambda: list(FALLBACK_COLUMNS))
    sort_by: str = "updated"
    descending: bool = True
    group_by: str = ""
    group_descending: bool = False
    owner: Account | None = None
    group: Group | None = None
    active: bool = True


def may_change(view: View, by: Account) -> bool:
    """One's own views; what is shared only as an admin."""
    return by.is_admin if view.owner_id is None else view.owner_id == by.pk


def save_view(view: View | None, wanted: Definition) -> View:
    """A new view (None) or a changed one."""
    now = clock.now()
    view = view or View(position=_last_position() + 1, created_at=now)
    return _write(view, wanted)


def draft(wanted: Definition) -> View:
    """A view that is not stored: to look at what it would hold."""
    return _take(View(), wanted)


def clone(view: View, title: str, by: Account) -> View:
    """A copy of one's own. A system view's copy can be changed."""
    now = clock.now()
    copy = View(
        **{name: getattr(view, name) for name in _COPIED},
        title=title[:200],
        owner=by,
        position=_last_position() + 1,
        created_at=now,
        updated_at=now,
    )
    copy.save()
    live.publish("tickets")
    return copy


def delete_view(view: View) -> None:
    """It is gone for everybody, and can be taken back for a week."""
    View.objects.filter(pk=view.pk).update(deleted_at=clock.now())
    live.publish("tickets")


def restore_view(view_id: int) -> None:
    View.objects.filter(pk=view_id).update(deleted_at=None)
    live.publish("tickets")


def deleted(view_id: int) -> View | None:
    return View.objects.filter(pk=view_id, deleted_at__isnull=False).first()


def switch_view(view: View, active: bool) -> None:
    View.objects.filter(pk=view.pk).update(active=active, updated_at=clock.now())
    live.publish("tickets")


def move_view(views: Sequence[View], view: View, place: int) -> None:
    """To that place, counted from 0, among `views`, which are in order."""
    with transaction.atomic():
        for pk, position in places.moved(views, view, place).items():
            View.objects.filter(pk=pk).update(position=position)
    live.publish("tickets")


def forget_deleted() -> int:
    """Views that nobody took back."""
    return View.objects.filter(deleted_at__lt=clock.now() - KEPT_DELETED).delete()[0]


_COPIED = ("conditions", "columns", "sort_by", "descending", "group_by", "group_descending")


def _last_position() -> int:
    return View.objects.aggregate(last=Max("position"))["last"] or 0


def _write(view: View, wanted: Definition) -> View:
    _take(view, wanted).updated_at = clock.now()
    view.save()
    live.publish("tickets")
    return view


def _take(view: View, wanted: Definition) -> View:
    view.title, view.conditions = wanted.title[:200], wanted.conditions
    view.columns = [column for column in wanted.columns if column in COLUMNS] or FALLBACK_COLUMNS
    view.sort_by = wanted.sort_by if wanted.sort_by in SORTS else "updated"
    view.group_by = wanted.group_by if wanted.group_by in GROUPINGS else ""
    view.descending, view.group_descending = wanted.descending, wanted.group_descending
    view.owner, view.active = wanted.owner, wanted.active
    view.group = None if wanted.owner else wanted.group
    return view
