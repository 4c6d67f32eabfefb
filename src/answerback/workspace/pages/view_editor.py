"""The plain editor for views: conditions all/any, columns, order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from answerback.people import accounts
from answerback.people.models import Account, Group
from answerback.search import saved, views
from answerback.search.models import View
from answerback.search.sorts import SORTS
from answerback.search.views import COLUMNS
from answerback.workspace import words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.rule_words import OPERATORS

Options = Sequence[tuple[str, str]]
# field -> its operators; the first is what a new row begins with
FIELDS: dict[str, Sequence[str]] = {
    "status": ("is", "is_not", "less_than", "greater_than"),
    "assignee_id": ("is", "is_not"),
    "group_id": ("is", "is_not"),
    "current_tags": ("includes", "not_includes"),
    "requester_id": ("is", "is_not"),
    "priority": ("is", "is_not", "less_than", "greater_than"),
    "type": ("is", "is_not"),
    "delivery": ("is", "is_not"),
}
DELIVERIES = {
    "open": gettext_noop("a failure is open"),
    "answer": gettext_noop("an agent's answer was not delivered"),
    "mine": gettext_noop("an answer of the reader was not delivered"),
    "automatic": gettext_noop("automatic mail was not delivered"),
    "trying": gettext_noop("still trying"),
    "failed": gettext_noop("ever failed"),
}
SORT_TITLES = {"id": gettext_noop("Ticket")} | {key: COLUMNS[key] for key in SORTS if key in COLUMNS}
BLOCKS = ("all", "any")
MOST_ROWS = 20


@dataclass(frozen=True)
class ConditionRow:
    """One line of the editor. `options` is empty where the value is typed."""

    block: str
    field: str
    operator: str
    value: str
    fields: Options
    operators: Options
    options: Options
    hint: str = ""


@agent_required
def edit(request: HttpRequest, view_id: int = 0) -> HttpResponse:
    account = account_of(request)
    view = _find(view_id, account) if view_id else None
    if request.method == "POST":
        return _save(request, view, account)
    return render(request, "views/editor.html", _context(request, view))


@agent_required
def condition(request: HttpRequest) -> HttpResponse:
    """A fresh row, or the row of another field: `block` and `field` say which."""
    block = request.GET.get("block", "all")
    name = (request.GET.getlist(f"{block}_field") or ["status"])[0]
    row = _row(block if block in BLOCKS else "all", name if name in FIELDS else "status")
    return render(request, "views/_condition.html", {"row": row})


@agent_required
@require_POST
def delete(request: HttpRequest, view_id: int) -> HttpResponse:
    saved.delete_view(_find(view_id, account_of(request)))
    messages.success(request, _("The view has been deleted."))
    return redirect("/")


def _find(view_id: int, account: Account) -> View:
    """A view that the account may change: not the system's, and shared ones only for admins."""
    view = views.find(str(view_id), account)
    if view is None or view.key or (view.owner_id is None and not account.is_admin):
        raise Http404
    return view


def _save(request: HttpRequest, view: View | None, account: Account) -> HttpResponse:
    title = request.POST.get("title", "").strip()
    conditions = read_conditions(request.POST)
    if not title or not any(conditions.values()):
        messages.error(request, _("A view needs a name and at least one condition."))
        return render(request, "views/editor.html", _context(request, view, conditions))
    shared = account.is_admin and request.POST.get("owner") == "all"
    made = saved.save_view(
        view,
        title=title,
        conditions=conditions,
        columns=request.POST.getlist("columns"),
        sort_by=request.POST.get("sort_by", "updated"),
        descending=request.POST.get("order") != "asc",
        owner=None if shared else account,
    )
    return redirect(f"/views/{made.pk}")


def read_conditions(data: MultiValueDict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a form. Unknown fields and operators are left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for block in BLOCKS:
        names = [data.getlist(f"{block}_{part}") for part in ("field", "operator", "value")]
        found[block] = [
            {"field": name, "operator": operator, "value": value.strip()}
            for name, operator, value in list(zip(*names, strict=False))[:MOST_ROWS]
            if operator in FIELDS.get(name, ())
        ]
    return found


def _context(
    request: HttpRequest, view: View | None, conditions: dict[str, list[dict[str, Any]]] | None = None
) -> dict[str, Any]:
    typed = request.POST
    given = conditions or (view.conditions if view else {"all": [{"field": "status"}], "any": []})
    return {
        "view": view,
        "title": typed.get("title") or (view.title if view else ""),
        "blocks": [(block, [_row_of(block, row) for row in given.get(block, [])]) for block in BLOCKS],
        "columns": [(key, _(title)) for key, title in COLUMNS.items() if key != "id"],
        "chosen": typed.getlist("columns") or (view.columns if view else saved.FALLBACK_COLUMNS),
        "sorts": [(key, _(title)) for key, title in SORT_TITLES.items()],
        "sort_by": typed.get("sort_by") or (view.sort_by if view else "updated"),
        "descending": typed.get("order", "desc" if view is None or view.descending else "asc") != "asc",
        "shared": bool(view and view.owner_id is None),
    }


def _row_of(block: str, row: dict[str, Any]) -> ConditionRow:
    name = row.get("field", "status")
    return _row(block, name if name in FIELDS else "status", row.get("operator", ""), str(row.get("value", "")))


def _row(block: str, name: str, operator: str = "", value: str = "") -> ConditionRow:
    hints = {"current_tags": _("tags, separated by spaces"), "requester_id": _("an e-mail address")}
    return ConditionRow(
        block=block,
        field=name,
        operator=operator or FIELDS[name][0],
        value=value,
        fields=[(key, words.field_name(key)) for key in FIELDS],
        operators=[(key, _(OPERATORS[key])) for key in FIELDS[name]],
        options=_options(name),
        hint=hints.get(name, ""),
    )


def _options(name: str) -> Options:
    match name:
        case "status":
            return [(key, words.status_name(key)) for key in words.STATUSES]
        case "priority":
            return [(key, _(title)) for key, title in words.PRIORITIES.items()]
        case "type":
            return [(key, _(title)) for key, title in words.TYPES.items()]
        case "assignee_id":
            people = [(str(agent.pk), agent.person.name) for agent in accounts.agents()]
            return [("current_user", _("the reader")), ("", _("nobody")), *people]
        case "group_id":
            groups = [(str(group.pk), group.name) for group in Group.objects.order_by("name")]
            return [("current_groups", _("a group of the reader")), ("", _("none")), *groups]
        case "delivery":
            return [(key, _(title)) for key, title in DELIVERIES.items()]
    return []
