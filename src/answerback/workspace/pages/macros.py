"""Macros: the list to look after them, the form, and the menu of the composer."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk.running_rules import macros as desk_macros
from answerback.desk.running_rules.macros import Applied
from answerback.people import accounts
from answerback.people.models import Account, Group
from answerback.rules import macros as rows
from answerback.rules.macros import Wanted
from answerback.rules.models import Macro
from answerback.search.folding import fold
from answerback.tickets.changes import UNSET
from answerback.workspace import conversation, macro_words, sorting, words
from answerback.workspace.access import account_of, agent_required, recorded_post
from answerback.workspace.drafting import SEND_AS

TEXT_LANGUAGES = ("en", "de")


@agent_required
def macros(request: HttpRequest) -> HttpResponse:
    """All that the reader may use. `q` searches, `deleted` offers to take a deletion back."""
    account, text = account_of(request), request.GET.get("q", "").strip()
    seen = rows.visible_to(account).select_related("owner__person", "group")
    found = [_row(macro, account, in_order=not text) for macro in seen]
    if text:
        found = [row for row in found if fold(text) in fold(f"{row['title']} {row['macro'].description}")]
    shared, own = ([row for row in found if bool(row["macro"].owner_id) is mine] for mine in (False, True))
    deleted = request.GET.get("deleted", "")
    undo = Macro.objects.filter(pk=deleted, deleted_at__isnull=False).first() if deleted.isdecimal() else None
    context = {
        "at": "macros",
        "section": "admin",
        "blocks": [(title, block) for title, block in ((_("Shared"), shared), (_("Your own"), own)) if block],
        "typed": text,
        "undo": undo,
        "undo_title": macro_words.title_of(undo) if undo else "",
    }
    return render(request, "macros/list.html", context)


@agent_required
@recorded_post
def edit(request: HttpRequest, macro_id: int = 0) -> HttpResponse:
    """The form: of a macro, of a new one, or with `copy=ID` of a new one like that."""
    account = account_of(request)
    macro = _to_change(macro_id, account) if macro_id else None
    if request.method == "POST":
        if title := rows.clean_title(request.POST.get("title", "")):
            rows.save_macro(macro, _wanted(request, title, account))
            messages.success(request, _("Saved."))
            return redirect("/macros")
        messages.error(request, _("A macro needs a name."))
    copied = request.GET.get("copy", "")
    like = macro or (desk_macros.find(int(copied), account) if copied.isdecimal() else None)
    return render(request, "macros/form.html", _form_context(request, macro, like))


@agent_required
@recorded_post
@require_POST
def act(request: HttpRequest, macro_id: int) -> HttpResponse:
    """`act`: delete, undo, or one of sorting.MOVES, among those that are shared or one's own."""
    account = account_of(request)
    match request.POST.get("act"):
        case act if act in sorting.MOVES:
            macro = _to_change(macro_id, account)
            block = [one for one in rows.visible_to(account) if one.owner_id == macro.owner_id]
            if macro in block:
                rows.move(block, macro, sorting.wanted_place(request, block, macro))
            return redirect(sorting.back_to("/macros", request, f"macro-{macro.pk}"))
        case "delete":
            rows.delete_macro(_to_change(macro_id, account))
            return redirect(f"/macros?deleted={macro_id}")
        case "undo":
            deleted = get_object_or_404(Macro, pk=macro_id)
            if not rows.may_change(deleted, account):
                raise PermissionDenied
            if rows.take_back(macro_id):
                messages.success(request, _("The macro is back."))
        case _:
            raise Http404
    return redirect("/macros")


@agent_required
def menu(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """What the composer of a ticket, or of a new one, offers under its headings."""
    found = list(rows.visible_to(account_of(request)).filter(active=True))
    titled = [(macro_words.title_of(macro).rpartition("::"), macro) for macro in found]
    titled.sort(key=lambda pair: pair[0][0] != "")  # what has no heading comes first; the order within stays
    sections = [
        (heading.replace("::", " › "), [(macro, parts[2]) for parts, macro in group])
        for heading, group in groupby(sorted(titled, key=lambda pair: pair[0][0]), key=lambda pair: pair[0][0])
    ]
    at = f"/tickets/{'new' if number is None else number}/macros"
    return render(request, "macros/_menu.html", {"sections": sections, "macros_at": at})


@agent_required
def apply(request: HttpRequest, number: int, macro_id: int) -> HttpResponse:
    """What the composer fills in, as JSON, and in words what sending will change."""
    account = account_of(request)
    ticket, macro = conversation.find_ticket(number), desk_macros.find(macro_id, account)
    if ticket is None or macro is None:
        raise Http404
    done = desk_macros.apply(macro, ticket, account)
    status = done.plan.status if done.plan.status in SEND_AS else ""
    sending = {"status": status, "send_label": _(SEND_AS[status]) if status else ""}
    return JsonResponse(_told(done) | sending)


@agent_required
def apply_to_new(request: HttpRequest, macro_id: int) -> HttpResponse:
    """The same for the form of a new ticket, whose fields come along. `fields`: what is set in them."""
    account = account_of(request)
    macro = desk_macros.find(macro_id, account)
    if macro is None:
        raise Http404
    done = desk_macros.apply_to_new(macro, request.GET.dict(), account)
    changes, fields = done.plan.changes, {}
    if done.plan.status in SEND_AS:
        fields["status"] = done.plan.status
    for name in ("assignee", "group"):
        if (row := getattr(changes, name)) is not UNSET:
            fields[name] = str(row.pk) if row else ""
    return JsonResponse(_told(done, macro_words.OF_NEW_TICKET) | {"fields": fields, "later": done.later})


def _told(done: Applied, but: Collection[str] = ()) -> dict[str, Any]:
    return {
        "id": done.macro.pk,
        "title": macro_words.name_of(done.macro),
        "text": done.text,
        "public": done.public,
        "lines": macro_words.lines_of(done.plan, but),
    }


def _row(macro: Macro, account: Account, in_order: bool) -> dict[str, Any]:
    may_change = rows.may_change(macro, account)
    return {
        "macro": macro,
        "title": macro_words.title_of(macro).replace("::", " › "),
        "may_change": may_change,
        "may_move": may_change and in_order,  # among what was found, no place could be told
    }


def _to_change(macro_id: int, account: Account) -> Macro:
    macro = rows.visible_to(account).filter(pk=macro_id).first()
    if macro is None and account.is_admin:
        macro = Macro.objects.filter(pk=macro_id, owner__isnull=True, deleted_at__isnull=True).first()
    if macro is None:
        raise Http404
    if not rows.may_change(macro, account):
        raise PermissionDenied
    return macro


def _wanted(request: HttpRequest, title: str, account: Account) -> Wanted:
    """Agents make their own; admins say for whom."""
    who = request.POST.get("who", "") if account.is_admin else "me"
    group = Group.objects.filter(pk=int(who)).first() if who.isdecimal() else None
    return Wanted(
        title=title,
        description=request.POST.get("description", ""),
        active="active" in request.POST,
        owner=account if who == "me" else None,
        group=group,
        actions=_actions(request),
    )


def _actions(request: HttpRequest) -> dict[str, Any]:
    """What is filled in; an empty field changes nothing."""
    found: dict[str, Any] = {}
    texts = {language: request.POST.get(f"text_{language}", "") for language in TEXT_LANGUAGES}
    if texts := {language: text for language, text in texts.items() if text.strip()}:
        found["comment_value"] = texts
    for name in rows.FIELDS[1:]:
        if value := " ".join(request.POST.get(name, "").split()):
            found[name] = value.lower() if "tags" in name else value
    return found


def _form_context(request: HttpRequest, macro: Macro | None, like: Macro | None) -> dict[str, Any]:
    given = {row["field"]: row["value"] for row in like.actions} if like else {}
    texts = given.get("comment_value") or {}
    if request.method == "POST":
        given, texts = _actions(request), {key: request.POST.get(f"text_{key}", "") for key in TEXT_LANGUAGES}
    title = macro_words.title_of(like) if like else ""
    return {
        "at": "macros",
        "section": "admin",
        "macro": macro,
        "title": request.POST.get("title", title if macro or not like else _("%s (copy)") % title),
        "description": request.POST.get("description", like.description if like else ""),
        "active": like.active if like else True,
        "who": _who(like, account_of(request)),
        "texts": [(key, words.LANGUAGES[key], texts.get(key) or texts.get("") or "") for key in TEXT_LANGUAGES],
        "given": given,
        "groups": list(Group.objects.order_by("name")),
        "selects": _selects(given),
    }


def _who(like: Macro | None, account: Account) -> str:
    if like is None:
        return "all" if account.is_admin else "me"
    return "me" if like.owner_id else str(like.group_id or "all")


def _selects(given: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str]], str]]:
    """(field, label, options, current) for each field that is chosen from a list."""
    statuses = [(key, words.status_name(key)) for key in words.STATUSES if key not in ("new", "closed")]
    people = [(str(agent.pk), agent.person.name) for agent in accounts.agents()]
    options = {
        "comment_mode_is_public": [("true", _("Public reply")), ("false", _("Internal note"))],
        "status": statuses,
        "priority": [(key, _(name)) for key, name in words.PRIORITIES.items()],
        "type": [(key, _(name)) for key, name in words.TYPES.items()],
        "assignee_id": [("current_user", _("whoever uses the macro")), ("none", _("nobody")), *people],
        "group_id": [("none", _("none")), *((str(group.pk), group.name) for group in Group.objects.order_by("name"))],
    }
    labels = macro_words.FIELDS | {"comment_mode_is_public": "Comment"}
    return [(name, _(labels[name]), rows_, str(given.get(name, ""))) for name, rows_ in options.items()]
