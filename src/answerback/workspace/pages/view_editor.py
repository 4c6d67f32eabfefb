"""The editor for views: conditions all/any, columns in order, groups, who sees it, with a preview that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from answerback.outbound import standing
from answerback.people import accounts
from answerback.people.models import Account, Group
from answerback.search import saved, views
from answerback.search.conditions import BLOCKS, CONDITIONS, MOST_ROWS
from answerback.search.models import View
from answerback.search.saved import Definition
from answerback.search.sorts import GROUPINGS, SORTS
from answerback.search.views import COLUMNS
from answerback.tickets.models import SupportAddress
from answerback.workspace import condition_rows, frame, sorting, words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.condition_rows import Options, Posted
from answerback.workspace.pages import lists
from answerback.workspace.rule_words import OPERATORS
from mailroom.causes import catalogue

VIEW_OPERATORS = OPERATORS | {
    "within_hours": gettext_noop("less than … hours ago"),
    "before_hours": gettext_noop("more than … hours ago"),
}
DELIVERIES = {
    "open": gettext_noop("a failure is open"),
    "answer": gettext_noop("an agent's answer was not delivered"),
    "mine": gettext_noop("an answer of the reader was not delivered"),
    "automatic": gettext_noop("automatic mail was not delivered"),
    "trying": gettext_noop("still trying"),
    "held": gettext_noop("held back"),
    "failed": gettext_noop("ever failed"),
}
HINTS = {
    "current_tags": gettext_noop("tags, separated by spaces"),
    "requester_id": gettext_noop("an e-mail address"),
    "subject": gettext_noop("words, any of them"),
    "organization": gettext_noop("a name"),
    "code": gettext_noop("550 or 5.1.1"),
    "recipient_domain": gettext_noop("example.org"),
}
FIRST_CONDITIONS = {"all": [{"field": "status", "operator": "less_than", "value": "solved"}]}
EVERYBODY, ONESELF = "all", "me"


@dataclass(frozen=True, kw_only=True)
class ConditionRow(condition_rows.ConditionRow):
    kind: str


@dataclass(frozen=True)
class ListedView:
    view: View
    title: str
    url: str
    shared_with: str
    block: str
    may_change: bool
    may_edit: bool


@agent_required
def manage(request: HttpRequest) -> HttpResponse:
    """All views of the account, also those that are switched off."""
    account = account_of(request)
    gone = saved.deleted(_number(request.GET.get("deleted", "")))
    listed = [_listed(view, account) for view in views.all_of(account)]
    blocks = [(title, [one for one in listed if one.block == key]) for key, title in _blocks().items()]
    context = {
        "blocks": [block for block in blocks if block[1]],
        "gone": gone if gone and saved.may_change(gone, account) else None,
    }
    return render(request, "views/manage.html", context)


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
    row = _row(block if block in BLOCKS else "all", name if name in CONDITIONS else "status")
    return render(request, "views/_condition.html", {"row": row})


@agent_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What the view would hold if it were saved now."""
    account = account_of(request)
    view = saved.draft(_definition(request, account))
    context = lists.preview_context(request, view) if any(view.conditions.values()) else {"empty": True}
    return render(request, "views/_preview.html", context)


@agent_required
@require_POST
def act(request: HttpRequest, view_id: int) -> HttpResponse:
    """`act`: clone, delete, on, off, or one of sorting.MOVES, within the view's block of the left column."""
    account, wanted = account_of(request), request.POST.get("act")
    view = views.find(str(view_id), account)
    if view is None:
        raise Http404
    if wanted == "clone":
        copy = saved.clone(view, _("%s (copy)") % frame.title_of(view), account)
        return redirect(f"/views/{copy.pk}/edit")
    if not saved.may_change(view, account):
        raise PermissionDenied
    match wanted:
        case "delete" if not view.key:
            saved.delete_view(view)
            return redirect(f"/views?deleted={view.pk}")
        case "on" | "off":
            saved.switch_view(view, wanted == "on")
        case act if act in sorting.MOVES:
            block = [one for one in views.all_of(account) if frame.block_of(one) == frame.block_of(view)]
            saved.move_view(block, view, sorting.wanted_place(request, block, view))
            return redirect(sorting.back_to("/views", request, f"view-{view.pk}"))
    return redirect("/views")


@agent_required
@require_POST
def restore(request: HttpRequest, view_id: int) -> HttpResponse:
    """Take a deletion back."""
    view = saved.deleted(view_id)
    if view is None or not saved.may_change(view, account_of(request)):
        raise Http404
    saved.restore_view(view_id)
    messages.success(request, _("The view is back."))
    return redirect("/views")


def _listed(view: View, account: Account) -> ListedView:
    may = saved.may_change(view, account)
    shared = _("everybody") if view.owner_id is None else _("only me")
    shared = view.group.name if view.group else shared
    title, url, block = frame.title_of(view), frame.url_of(view), frame.block_of(view)
    return ListedView(view, title, url, shared, block, may, may and not view.key)


def _blocks() -> dict[str, str]:
    """Key and title, as in the left column."""
    return {key: _(title) for key, title, _keys in frame.BLOCKS} | {"shared": _("Shared"), "own": _("Your own")}


def _find(view_id: int, account: Account) -> View:
    """A view whose definition the account may change: not the system's."""
    view = views.find(str(view_id), account)
    if view is None or view.key or not saved.may_change(view, account):
        raise Http404
    return view


def _save(request: HttpRequest, view: View | None, account: Account) -> HttpResponse:
    wanted = _definition(request, account)
    if not wanted.title or not any(wanted.conditions.values()):
        messages.error(request, _("A view needs a name and at least one condition."))
        return render(request, "views/editor.html", _context(request, view, wanted.conditions))
    made = saved.save_view(view, wanted)
    return redirect(f"/views/{made.pk}")


def _definition(request: HttpRequest, account: Account) -> Definition:
    """What the form says. Only admins share."""
    data = request.POST
    shared = data.get("owner", ONESELF) if account.is_admin else ONESELF
    return Definition(
        title=data.get("title", "").strip(),
        conditions=read_conditions(data),
        columns=data.getlist("columns"),
        sort_by=data.get("sort_by", "updated"),
        descending=data.get("order") != "asc",
        group_by=data.get("group_by", ""),
        group_descending=data.get("group_order") == "desc",
        owner=account if shared == ONESELF else None,
        group=None if shared == EVERYBODY else Group.objects.filter(pk=_number(shared)).first(),
        active=data.get("active", "1") != "0",
    )


def read_conditions(data: Posted) -> dict[str, list[dict[str, Any]]]:
    """The rows of a form. Unknown fields and operators are left out."""
    return {
        block: [
            {"field": name, "operator": operator, "value": value[:500]}
            for name, operator, value in rows
            if name in CONDITIONS and operator in CONDITIONS[name].operators
        ]
        for block, rows in condition_rows.posted(data, MOST_ROWS).items()
    }


def _context(
    request: HttpRequest, view: View | None, conditions: dict[str, list[dict[str, Any]]] | None = None
) -> dict[str, Any]:
    typed = request.POST
    shown = view or View(columns=saved.FALLBACK_COLUMNS)
    if typed:
        shown = saved.draft(_definition(request, account_of(request)))
    given = conditions or (view.conditions if view else FIRST_CONDITIONS)
    chosen = [column for column in shown.columns if column in COLUMNS]
    others = [column for column in COLUMNS if column not in chosen]
    return {
        "view": view,
        "shown": shown,
        "blocks": [(block, [_row_of(block, row) for row in given.get(block, [])]) for block in BLOCKS],
        "columns": [(key, _(COLUMNS[key]), key in chosen) for key in [*chosen, *others] if key != "id"],
        "sorts": [(key, _sort_title(key)) for key in SORTS],
        "groupings": [(key, _sort_title(key)) for key in GROUPINGS],
        "groups": [(str(group.pk), group.name) for group in Group.objects.order_by("name")],
        "shared": _shared(shown) if view or typed else ONESELF,
    }


def _shared(view: View) -> str:
    if view.owner_id is not None:
        return ONESELF
    return str(view.group_id) if view.group_id else EVERYBODY


def _sort_title(key: str) -> str:
    return _("Ticket number") if key == "id" else _(COLUMNS[key])


def _row_of(block: str, row: dict[str, Any]) -> ConditionRow:
    name = row.get("field", "status")
    return _row(block, name if name in CONDITIONS else "status", row.get("operator", ""), str(row.get("value", "")))


def _row(block: str, name: str, operator: str = "", value: str = "") -> ConditionRow:
    row = CONDITIONS[name]
    return ConditionRow(
        block=block,
        field=name,
        operator=operator or row.operators[0],
        value=value or ("24" if row.kind == "hours" else ""),
        fields=[(key, _(one.title)) for key, one in CONDITIONS.items()],
        operators=[(key, _(VIEW_OPERATORS[key])) for key in row.operators],
        options=_options(name),
        kind=row.kind,
        hint=_(HINTS[name]) if name in HINTS else "",
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
        case "language":
            return list(words.LANGUAGES.items())
        case "via":
            return [(key, words.via_name(key)) for key in ("email", "web", "api")]
        case "support_address":
            return [(str(one.pk), one.address) for one in SupportAddress.objects.order_by("address")]
        case "answered":
            return [("yes", _("yes")), ("no", _("no"))]
        case "delivery":
            return [(key, _(title)) for key, title in DELIVERIES.items()]
        case "cause":
            names = [(key, standing.cause_name(key)) for key in catalogue.load().causes]
            return sorted(names, key=lambda one: one[1].casefold())
    return []


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
