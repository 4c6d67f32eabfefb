"""Triggers and automations, in Zendesk's shapes. Everybody reads them; only administrators change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.agents import Agents
from answerback.api.auth import admin
from answerback.api.describe import PAGED, doc, listed, one
from answerback.api.errors import InvalidError
from answerback.api.users import time
from answerback.people.models import Account
from answerback.rules import editing, validation
from answerback.rules.actions import ACTIONS
from answerback.rules.conditions import CONDITIONS
from answerback.rules.definition import Kind, Use
from answerback.rules.models import Automation, Trigger

router = Router(tags=["rules"])

_MAILS = (Kind.MAIL, Kind.NOTICE)  # whose value begins with whom it goes to


class RuleOut(Schema):
    id: int
    url: str
    title: str
    raw_title: str
    active: bool
    position: int
    default: bool
    conditions: dict[str, list[dict[str, Any]]]
    actions: list[dict[str, Any]]
    created_at: str
    updated_at: str


class RuleIn(Schema):
    """`all` and `any` stand beside the title, as with Zendesk; under `conditions` they are taken too."""

    title: str | None = None
    active: bool | None = None
    position: int | None = None
    all: list[dict[str, Any]] | None = None
    any: list[dict[str, Any]] | None = None
    conditions: dict[str, list[dict[str, Any]]] | None = None
    actions: list[dict[str, Any]] | None = None


class TriggerBody(Schema):
    trigger: RuleIn


class AutomationBody(Schema):
    automation: RuleIn


class OrderIn(Schema):
    trigger_ids: list[int]


class DefinitionsAnswer(Schema):
    definitions: dict[str, list[dict[str, Any]]]


TriggerAnswer = one("trigger", RuleOut)
TriggerList = listed("triggers", RuleOut)
AutomationAnswer = one("automation", RuleOut)
AutomationList = listed("automations", RuleOut)
_EXAMPLE = {
    "title": "Answers that did not arrive are urgent",
    "all": [{"field": "delivery", "operator": "is", "value": "failed"}],
    "actions": [{"field": "priority", "value": "urgent"}],
}
_EXAMPLE_AUTOMATION = {
    "title": "Close what is solved",
    "all": [{"field": "SOLVED", "operator": "greater_than", "value": "96"}],
    "actions": [{"field": "status", "value": "closed"}],
}


@router.get("/triggers", **doc(TriggerList, takes=PAGED))
def list_triggers(request: HttpRequest) -> HttpResponse:
    """Triggers"""
    return paging.answer(request, _kept(Trigger), "triggers", _present_triggers)


@router.get("/triggers/active", **doc(TriggerList, takes=PAGED))
def list_active_triggers(request: HttpRequest) -> HttpResponse:
    """Triggers that are switched on"""
    return paging.answer(request, _kept(Trigger).filter(active=True), "triggers", _present_triggers)


@router.get("/triggers/definitions", **doc(DefinitionsAnswer))
def list_trigger_definitions(request: HttpRequest) -> HttpResponse:
    """Which conditions and actions there are"""
    return JsonResponse({"definitions": _definitions(Use.TRIGGER)})


@router.put("/triggers/reorder", **doc(TriggerList, example={"trigger_ids": [3, 1, 2]}, faults=(403, 404)))
def reorder_triggers(request: HttpRequest, body: OrderIn) -> HttpResponse:
    """These first, in this order"""
    by = admin(request)
    for place, trigger_id in enumerate(body.trigger_ids):
        editing.move(_kept(Trigger).get(pk=trigger_id), place, by)
    rows = list(_kept(Trigger).order_by("position", "id")[: paging.MOST])
    return JsonResponse({"triggers": _present_triggers(rows)})


@router.post("/triggers", **doc(TriggerAnswer, status=201, example={"trigger": _EXAMPLE}, faults=(403, 422)))
def create_trigger(request: HttpRequest, body: TriggerBody) -> HttpResponse:
    """Make a trigger

    It goes to the end.
    """
    rule = _save(Trigger(), body.trigger, Use.TRIGGER, admin(request))
    return JsonResponse({"trigger": _present_triggers([rule])[0]}, status=201)


@router.get("/triggers/{int:trigger_id}", **doc(TriggerAnswer, faults=(404,)))
def show_trigger(request: HttpRequest, trigger_id: int) -> HttpResponse:
    """One trigger"""
    return JsonResponse({"trigger": _present_triggers([_kept(Trigger).get(pk=trigger_id)])[0]})


@router.put(
    "/triggers/{int:trigger_id}", **doc(TriggerAnswer, example={"trigger": {"active": False}}, faults=(403, 404, 422))
)
def update_trigger(request: HttpRequest, trigger_id: int, body: TriggerBody) -> HttpResponse:
    """Change a trigger"""
    rule = _save(_kept(Trigger).get(pk=trigger_id), body.trigger, Use.TRIGGER, admin(request))
    return JsonResponse({"trigger": _present_triggers([rule])[0]})


@router.delete("/triggers/{int:trigger_id}", **doc(None, status=204, faults=(403, 404)))
def delete_trigger(request: HttpRequest, trigger_id: int) -> HttpResponse:
    """Delete a trigger

    The workspace can bring it back.
    """
    editing.delete(_kept(Trigger).get(pk=trigger_id), admin(request))
    return HttpResponse(status=204)


@router.get("/automations", **doc(AutomationList, takes=PAGED))
def list_automations(request: HttpRequest) -> HttpResponse:
    """Automations"""
    return paging.answer(request, _kept(Automation), "automations", _present_automations)


@router.get("/automations/active", **doc(AutomationList, takes=PAGED))
def list_active_automations(request: HttpRequest) -> HttpResponse:
    """Automations that are switched on"""
    return paging.answer(request, _kept(Automation).filter(active=True), "automations", _present_automations)


@router.post(
    "/automations",
    **doc(AutomationAnswer, status=201, example={"automation": _EXAMPLE_AUTOMATION}, faults=(403, 422)),
)
def create_automation(request: HttpRequest, body: AutomationBody) -> HttpResponse:
    """Make an automation

    It needs a condition on hours under `all`, and has to come to an end.
    """
    rule = _save(Automation(), body.automation, Use.AUTOMATION, admin(request))
    return JsonResponse({"automation": _present_automations([rule])[0]}, status=201)


@router.get("/automations/{int:automation_id}", **doc(AutomationAnswer, faults=(404,)))
def show_automation(request: HttpRequest, automation_id: int) -> HttpResponse:
    """One automation"""
    return JsonResponse({"automation": _present_automations([_kept(Automation).get(pk=automation_id)])[0]})


@router.put(
    "/automations/{int:automation_id}",
    **doc(AutomationAnswer, example={"automation": {"active": False}}, faults=(403, 404, 422)),
)
def update_automation(request: HttpRequest, automation_id: int, body: AutomationBody) -> HttpResponse:
    """Change an automation"""
    rule = _save(_kept(Automation).get(pk=automation_id), body.automation, Use.AUTOMATION, admin(request))
    return JsonResponse({"automation": _present_automations([rule])[0]})


@router.delete("/automations/{int:automation_id}", **doc(None, status=204, faults=(403, 404)))
def delete_automation(request: HttpRequest, automation_id: int) -> HttpResponse:
    """Delete an automation

    The workspace can bring it back.
    """
    editing.delete(_kept(Automation).get(pk=automation_id), admin(request))
    return HttpResponse(status=204)


def _kept(model: type[Any]) -> QuerySet[Any]:
    return model.objects.filter(deleted_at__isnull=True)


def _save(rule: Any, sent: RuleIn, use: Use, by: Account) -> Any:
    accounts = Agents().account
    given = dict(sent.conditions or {})
    given |= {name: rows for name in validation.BLOCKS if (rows := getattr(sent, name)) is not None}
    conditions = dict(rule.conditions or {}) | {
        name: [_condition(row, accounts) for row in given[name]] for name in validation.BLOCKS if name in given
    }
    actions = rule.actions if sent.actions is None else [_action(row, accounts) for row in sent.actions]
    title = rule.title if sent.title is None else sent.title
    if problems := validation.problems(use, title, conditions, actions):
        raise InvalidError(**{_place(problem): _words(problem) for problem in problems})
    active = sent.active if sent.active is not None else rule.active
    saved = editing.save_rule(rule, by, title=title, conditions=conditions, actions=actions, active=active)
    if sent.position is not None:
        editing.move(saved, sent.position - 1, by)
        saved.refresh_from_db()
    return saved


def _place(problem: validation.Problem) -> str:
    return f"{problem.block}.{problem.row}" if problem.block else "base"


def _words(problem: validation.Problem) -> str:
    text = gettext(problem.text)
    return text % problem.about if problem.about else text


Translate = Callable[[str], str]


def _condition(row: Mapping[str, Any], translate: Translate) -> dict[str, str]:
    field, value = str(row.get("field", "")), row.get("value")
    text = "" if value is None else str(value)
    known = CONDITIONS.get(field)
    if known and known.kind is Kind.AGENT:
        text = translate(text)
    return {"field": field, "operator": str(row.get("operator") or "is"), "value": text}


def _action(row: Mapping[str, Any], translate: Translate) -> dict[str, Any]:
    field, value = str(row.get("field", "")), row.get("value", "")
    known = ACTIONS.get(field)
    if known and known.kind is Kind.AGENT:
        value = translate(str(value))
    elif known and known.kind in _MAILS and isinstance(value, list) and value:
        value = [translate(str(value[0])), *value[1:]]
    elif not isinstance(value, list | dict):
        value = "" if value is None else str(value)
    return {"field": field, "value": value}


def _present_triggers(rules: list[Any]) -> list[dict[str, Any]]:
    return _present(rules, "triggers")


def _present_automations(rules: list[Any]) -> list[dict[str, Any]]:
    return _present(rules, "automations")


def _present(rules: list[Any], key: str) -> list[dict[str, Any]]:
    users = Agents().user
    return [
        {
            "id": rule.pk,
            "url": paging.url(f"{key}/{rule.pk}.json"),
            "title": gettext(rule.title) if rule.key else rule.title,
            "raw_title": rule.title,
            "active": rule.active,
            "position": rule.position,
            "default": bool(rule.key),
            "conditions": {
                name: [_condition(row, users) for row in rule.conditions.get(name, [])] for name in validation.BLOCKS
            },
            "actions": [_action(row, users) for row in rule.actions],
            "created_at": time(rule.created_at),
            "updated_at": time(rule.updated_at),
        }
        for rule in rules
    ]


def _definitions(use: Use) -> dict[str, list[dict[str, Any]]]:
    conditions = [
        {
            "subject": row.field,
            "title": gettext(row.title),
            "type": row.kind,
            "operators": [{"value": name} for name in row.operators_for(use)],
            "values": [{"value": value, "title": gettext(title)} for value, title in row.choices.items()],
        }
        for row in CONDITIONS.values()
        if use in row.uses
    ]
    actions = [
        {
            "subject": row.field,
            "title": gettext(row.title),
            "type": row.kind,
            "values": [{"value": value, "title": gettext(title)} for value, title in row.choices.items()],
        }
        for row in ACTIONS.values()
        if use in row.uses
    ]
    return {"conditions_all": conditions, "conditions_any": conditions, "actions": actions}
