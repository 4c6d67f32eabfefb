"""Macros: prepared answers with the changes that go with them. Applying one tells what it would do and does nothing."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Router, Schema

from answerback.api import paging, restriction
from answerback.api.agents import NOBODY, Agents
from answerback.api.auth import caller
from answerback.api.describe import PAGED, doc, listed, one
from answerback.api.errors import ForbiddenError, InvalidError
from answerback.api.users import time
from answerback.desk.running_rules import macros as desk_macros
from answerback.people.models import Account
from answerback.rules import macros as rows
from answerback.rules.models import Macro
from answerback.tickets.changes import UNSET
from answerback.tickets.models import Ticket

router = Router(tags=["macros"])


class MacroOut(Schema):
    id: int
    url: str
    title: str
    raw_title: str
    description: str | None
    active: bool
    position: int
    default: bool
    actions: list[dict[str, Any]]
    restriction: dict[str, Any] | None
    created_at: str
    updated_at: str


class MacroIn(Schema):
    """`restriction`: null for everybody, `{"type": "User"}` for oneself, `{"type": "Group", "id": N}`."""

    title: str | None = None
    description: str | None = None
    active: bool | None = None
    actions: list[dict[str, Any]] | None = None
    restriction: dict[str, Any] | None = None


class MacroBody(Schema):
    macro: MacroIn


class ResultAnswer(Schema):
    """`ticket` holds the fields that would change, and the comment that would be written."""

    result: dict[str, Any]


MacroAnswer = one("macro", MacroOut)
MacroList = listed("macros", MacroOut)
_EXAMPLE = {
    "macro": {
        "title": "Reached another way",
        "restriction": {"type": "User"},
        "actions": [
            {"field": "comment_value", "value": "Hello {{ticket.requester.name}}, as we said on the phone …"},
            {"field": "status", "value": "solved"},
        ],
    }
}


@router.get("/macros", **doc(MacroList, takes=PAGED))
def list_macros(request: HttpRequest) -> HttpResponse:
    """Macros that the account may use"""
    return paging.answer(request, _seen_by(caller(request)), "macros", present)


@router.get("/macros/active", **doc(MacroList, takes=PAGED))
def list_active_macros(request: HttpRequest) -> HttpResponse:
    """Those that are switched on"""
    return paging.answer(request, _seen_by(caller(request)).filter(active=True), "macros", present)


@router.post("/macros", **doc(MacroAnswer, status=201, example=_EXAMPLE, faults=(403, 422)))
def create_macro(request: HttpRequest, body: MacroBody) -> HttpResponse:
    """Make a macro

    Agents make their own; those for everybody or a group are the administrators' matter.
    """
    by = caller(request)
    made = rows.save_macro(None, _wanted(None, body.macro, by))
    return JsonResponse({"macro": present([made])[0]}, status=201)


@router.get("/macros/{int:macro_id}", **doc(MacroAnswer, faults=(404,)))
def show_macro(request: HttpRequest, macro_id: int) -> HttpResponse:
    """One macro"""
    return JsonResponse({"macro": present([_seen_by(caller(request)).get(pk=macro_id)])[0]})


@router.put("/macros/{int:macro_id}", **doc(MacroAnswer, example=_EXAMPLE, faults=(403, 404, 422)))
def update_macro(request: HttpRequest, macro_id: int, body: MacroBody) -> HttpResponse:
    """Change a macro"""
    by = caller(request)
    macro = _own(macro_id, by)
    return JsonResponse({"macro": present([rows.save_macro(macro, _wanted(macro, body.macro, by))])[0]})


@router.delete("/macros/{int:macro_id}", **doc(None, status=204, faults=(403, 404)))
def delete_macro(request: HttpRequest, macro_id: int) -> HttpResponse:
    """Delete a macro"""
    rows.delete_macro(_own(macro_id, caller(request)))
    return HttpResponse(status=204)


@router.get("/tickets/{int:ticket_id}/macros/{int:macro_id}/apply", **doc(ResultAnswer, faults=(404,)))
def apply_macro(request: HttpRequest, ticket_id: int, macro_id: int) -> HttpResponse:
    """What the macro would do on the ticket

    Nothing is changed.
    """
    by = caller(request)
    applied = desk_macros.apply(_seen_by(by).get(pk=macro_id, active=True), Ticket.objects.get(pk=ticket_id), by)
    ticket: dict[str, Any] = {"id": ticket_id, **_changed(applied)}
    if applied.text:
        ticket["comment"] = {"body": applied.text, "public": applied.public is not False}
    return JsonResponse({"result": {"ticket": ticket}})


def present(macros: list[Macro]) -> list[dict[str, Any]]:
    users, agents = restriction.users(macros), Agents()
    return [
        {
            "id": macro.pk,
            "url": paging.url(f"macros/{macro.pk}.json"),
            "title": gettext(macro.title) if macro.key else macro.title,
            "raw_title": macro.title,
            "description": macro.description or None,
            "active": macro.active,
            "position": macro.position,
            "default": bool(macro.key),
            "actions": [_shown_action(row, agents) for row in macro.actions],
            "restriction": restriction.present(macro, users),
            "created_at": time(macro.created_at),
            "updated_at": time(macro.updated_at),
        }
        for macro in macros
    ]


def _changed(applied: desk_macros.Applied) -> dict[str, Any]:
    """The fields, with ids where people read names. Somebody who left changes nothing."""
    shown: dict[str, Any] = dict(applied.plan.fields)
    assignee, group = applied.plan.changes.assignee, applied.plan.changes.group
    shown.pop("assignee_id", None)
    shown.pop("group_id", None)
    if assignee is not UNSET:
        shown["assignee_id"] = assignee.person_id if assignee else None
    if group is not UNSET:
        shown["group_id"] = group.pk if group else None
    return shown


def _seen_by(account: Account) -> QuerySet[Macro]:
    return rows.visible_to(account).distinct()


def _own(macro_id: int, by: Account) -> Macro:
    macro = _seen_by(by).get(pk=macro_id)
    if not rows.may_change(macro, by):
        raise ForbiddenError("Only administrators change macros that are not one's own")
    return macro


def _wanted(old: Macro | None, sent: MacroIn, by: Account) -> rows.Wanted:
    """What is not sent stays as it is."""
    title = sent.title if sent.title is not None else old.title if old else ""
    if not rows.clean_title(title):
        raise InvalidError(title="Title: cannot be blank")
    given = "restriction" in sent.model_fields_set
    owner, group = restriction.wanted(old, sent.restriction, given, by)
    actions = {row["field"]: row["value"] for row in old.actions} if old else {}
    if sent.actions is not None:
        agents = Agents()
        actions = dict(_action(row, agents) for row in sent.actions)
    if not actions:
        raise InvalidError(actions="Actions: cannot be blank")
    return rows.Wanted(
        title=title,
        description=sent.description if sent.description is not None else old.description if old else "",
        active=sent.active if sent.active is not None else old.active if old else True,
        owner=owner,
        group=group,
        actions=actions,
    )


def _shown_action(row: dict[str, Any], agents: Agents) -> dict[str, Any]:
    return row | {"value": agents.user(str(row["value"]))} if row["field"] == "assignee_id" else row


def _action(row: dict[str, Any], agents: Agents) -> tuple[str, Any]:
    """A text stands for every language; Zendesk's `[channel, text]` is taken too."""
    field, value = str(row.get("field", "")), row.get("value")
    if field not in rows.FIELDS:
        raise InvalidError(actions=f"Actions: {field or 'a row without field'} is not one of {', '.join(rows.FIELDS)}")
    if field == "comment_value":
        text = value[-1] if isinstance(value, list) and value else value
        return field, text if isinstance(text, dict) else {"": str(text or "")}
    text = "" if value is None else str(value)
    if field == "assignee_id" and (text := agents.account(text)) == NOBODY:
        raise InvalidError(actions="Actions: assignee_id is not an agent's")
    return field, text
