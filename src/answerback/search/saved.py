"""Views that people make: saved, changed, thrown away. System views stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Max

from answerback.core import clock, live
from answerback.people.models import Account
from answerback.search.models import View
from answerback.search.views import COLUMNS, SORTS

FALLBACK_COLUMNS = ["subject", "requester", "status", "assignee", "updated"]


def save_view(
    view: View | None,
    *,
    title: str,
    conditions: dict[str, list[dict[str, Any]]],
    columns: Sequence[str],
    sort_by: str,
    descending: bool,
    owner: Account | None,
) -> View:
    """A new view (None) or a changed one. `owner` None: everybody sees it."""
    now = clock.now()
    if view is None:
        last = View.objects.aggregate(last=Max("position"))["last"] or 0
        view = View(position=last + 1, created_at=now)
    view.title, view.conditions = title[:200], conditions
    view.columns = [column for column in columns if column in COLUMNS] or FALLBACK_COLUMNS
    view.sort_by = sort_by if sort_by in SORTS else "updated"
    view.descending, view.owner, view.updated_at = descending, owner, now
    view.save()
    live.publish("tickets")
    return view


def delete_view(view: View) -> None:
    view.delete()
    live.publish("tickets")
