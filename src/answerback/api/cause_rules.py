"""Own rules for causes. Only administrators see them, as on the page. Ours: Zendesk knows no such thing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import admin
from answerback.api.describe import PAGED, doc, listed, one
from answerback.api.errors import InvalidError
from answerback.api.users import time
from answerback.outbound import cause_rules as rows
from answerback.outbound import cause_trial
from answerback.outbound.cause_rules import HiddenRuleError
from answerback.outbound.models import CauseRule
from answerback.people.models import Account
from mailroom.causes.own import LEAST, LONGEST, MOST_GAPS, BadRuleError, Problem

router = Router(tags=["cause rules"])

PROBLEMS = {
    Problem.FEW_WORDS: f"Words: at least {LEAST} characters are needed",
    Problem.GAP_FIRST: "Words: cannot begin with *",
    Problem.MANY_GAPS: f"Words: at most {MOST_GAPS} gaps (*)",
    Problem.LONG: f"Words: at most {LONGEST} characters",
    Problem.NO_CAUSE: "Cause: is none of a failure",
}


class CauseRuleOut(Schema):
    id: int
    url: str
    words: str
    cause: str
    position: int
    created_at: str
    updated_at: str


class CauseRuleIn(Schema):
    """`position` counts from 1."""

    words: str | None = None
    cause: str | None = None
    position: int | None = None


class CauseRuleBody(Schema):
    cause_rule: CauseRuleIn


class TextIn(Schema):
    text: str


class NamedOut(Schema):
    """`rule` is the kind of rule that named it, a colon, and the rule: `own`, `wording`, `phrase`, `status`, …"""

    recipient: str | None
    cause: str
    rule: str


CauseRuleAnswer = one("cause_rule", CauseRuleOut)
CauseRuleList = listed("cause_rules", CauseRuleOut)


class NamedAnswer(Schema):
    results: list[NamedOut]


_EXAMPLE = {"cause_rule": {"words": "blocked by the partner gateway", "cause": "reputation"}}
_TEXT = {"text": "550 5.7.1 Blocked by the partner gateway"}


@router.get("/cause_rules", **doc(CauseRuleList, takes=PAGED, faults=(403,)))
def list_cause_rules(request: HttpRequest) -> HttpResponse:
    """Rules for causes

    Those of the setting are not among them.
    """
    admin(request)
    return paging.answer(request, rows.all_rows(), "cause_rules", present)


@router.post("/cause_rules", **doc(CauseRuleAnswer, status=201, example=_EXAMPLE, faults=(403, 422)))
def create_cause_rule(request: HttpRequest, body: CauseRuleBody) -> HttpResponse:
    """Make a rule for a cause

    It goes to the end, or above the first that would hide it.
    """
    by = admin(request)
    return JsonResponse({"cause_rule": present([_save(None, body.cause_rule, by)])[0]}, status=201)


@router.post("/cause_rules/try", **doc(NamedAnswer, example=_TEXT, faults=(403,)))
def try_cause_rules(request: HttpRequest, body: TextIn) -> HttpResponse:
    """Which cause a server's reply or a notice has

    One result for each recipient that a notice names. Nothing is changed.
    """
    admin(request)
    found = cause_trial.try_on(body.text, rows.current())
    results = [
        {"recipient": one.report.recipient or None, "cause": one.verdict.cause, "rule": one.verdict.rule}
        for one in found
    ]
    return JsonResponse({"results": results})


@router.get("/cause_rules/{int:rule_id}", **doc(CauseRuleAnswer, faults=(403, 404)))
def show_cause_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """One rule for a cause"""
    admin(request)
    return JsonResponse({"cause_rule": present([rows.all_rows().get(pk=rule_id)])[0]})


@router.put("/cause_rules/{int:rule_id}", **doc(CauseRuleAnswer, example=_EXAMPLE, faults=(403, 404, 422)))
def update_cause_rule(request: HttpRequest, rule_id: int, body: CauseRuleBody) -> HttpResponse:
    """Change a rule for a cause, or its place"""
    by = admin(request)
    rule = _save(rows.all_rows().get(pk=rule_id), body.cause_rule, by)
    return JsonResponse({"cause_rule": present([rule])[0]})


@router.delete("/cause_rules/{int:rule_id}", **doc(None, status=204, faults=(403, 404)))
def delete_cause_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Delete a rule for a cause"""
    admin(request)
    rows.delete_rule(rows.all_rows().get(pk=rule_id))
    return HttpResponse(status=204)


def present(rules: list[CauseRule]) -> list[dict[str, Any]]:
    return [
        {
            "id": rule.pk,
            "url": paging.url(f"cause_rules/{rule.pk}"),
            "words": rule.words,
            "cause": rule.cause,
            "position": rule.position,
            "created_at": time(rule.created_at),
            "updated_at": time(rule.updated_at),
        }
        for rule in rules
    ]


def _save(old: CauseRule | None, sent: CauseRuleIn, by: Account) -> CauseRule:
    """What is not sent stays as it is."""
    words = sent.words if sent.words is not None else old.words if old else ""
    cause = sent.cause if sent.cause is not None else old.cause if old else ""
    try:
        rule = rows.save_rule(old, words, cause, by)
    except BadRuleError as error:
        field = "cause" if error.problem is Problem.NO_CAUSE else "words"
        raise InvalidError(**{field: PROBLEMS[error.problem]}) from None
    except HiddenRuleError as error:
        raise InvalidError(words=f"Words: {error.by.words!r} comes before and fits whatever they fit") from None
    if sent.position is not None:
        rows.move(list(rows.all_rows()), rule, sent.position - 1)
    return rule
