"""The editor of a trigger or an automation: conditions, actions, what it would match, and a try on one ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.core import clock
from answerback.desk.running_rules import trying_rules
from answerback.rules import choices, editing, estimate, validation
from answerback.rules.definition import Use
from answerback.rules.effects import Rule
from answerback.rules.models import Revision
from answerback.rules.placeholders import KNOWN
from answerback.rules.validation import Problem
from answerback.tickets.models import Ticket
from answerback.workspace import outcome_words, rule_forms, rule_words
from answerback.workspace.access import account_of, admin_may_look, admin_required
from answerback.workspace.pages.rules import MODELS, USES, find, title_of
from answerback.workspace.rule_words import Lines

KINDS = {use: kind for kind, use in USES.items()}
VERSIONS = 20
_FIRST = {Use.TRIGGER: {"field": "update_type"}, Use.AUTOMATION: {"field": "PENDING", "value": "48"}}


@dataclass(frozen=True)
class Version:
    revision: Revision
    title: str
    lines: Lines
    differs: bool  # from how the rule is now


@admin_required
def edit(request: HttpRequest, kind: str, rule_id: int = 0) -> HttpResponse:
    if kind not in MODELS:
        raise Http404
    rule = find(kind, rule_id) if rule_id else _new(kind)
    if request.method != "POST":
        return _page(request, kind, rule, [])
    title = rule.title if request.POST.get("title") == title_of(rule) else request.POST.get("title", "").strip()
    rule.title, rule.active = title, request.POST.get("active") == "1"
    rule.conditions, rule.actions = rule_forms.read_conditions(request.POST), rule_forms.read_actions(request.POST)
    problems = validation.problems(USES[kind], title, rule.conditions, rule.actions)
    if problems:
        return _page(request, kind, rule, problems, status=422)
    editing.save_rule(
        rule,
        account_of(request),
        title=title,
        conditions=rule.conditions,
        actions=rule.actions,
        active=rule.active,
    )
    messages.success(request, _("Saved."))
    return redirect(f"/admin/{kind}#rule-{rule.pk}")


@admin_may_look
def condition(request: HttpRequest) -> HttpResponse:
    """A fresh row, or the row of another field or operator."""
    use, block = _use(request.GET.get("use", "")), request.GET.get("block", "all")
    if block not in validation.BLOCKS:
        raise Http404
    given = {part: request.GET.get(f"{block}_{part}", "") for part in ("field", "operator", "value")}
    if not given["field"]:
        given |= _FIRST[use]
    row = rule_forms.condition_row(use, block, given, choices.Names())
    return render(request, "rules/_condition.html", {"row": row})


@admin_may_look
def action(request: HttpRequest) -> HttpResponse:
    names = [value for name, value in request.GET.items() if name.endswith("_field")]
    row = rule_forms.action_row(_use(request.GET.get("use", "")), {"field": (names or [""])[0]}, choices.Names())
    return render(request, "rules/_action.html", {"row": row})


@admin_may_look
@require_POST
def estimated(request: HttpRequest) -> HttpResponse:
    """'Matches N of the last 1,000 tickets', of what is typed."""
    use = _use(request.POST.get("use", ""))
    conditions = rule_forms.read_conditions(request.POST)
    found = estimate.of(use, conditions) if any(conditions.values()) else None
    return render(request, "rules/_estimate.html", {"estimate": found, "use": use})


@admin_may_look
@require_POST
def tried(request: HttpRequest) -> HttpResponse:
    """What it would do to one ticket, of what is typed. Nothing of it happens."""
    use, number = _use(request.POST.get("use", "")), request.POST.get("ticket", "").strip().lstrip("#")
    rule = _draft(request, use)
    problems = validation.problems(use, rule.title, rule.conditions, rule.actions)
    context: dict[str, Any] = {"number": number, "problems": [_said(problem) for problem in problems]}
    if not number.isdecimal():
        context["problem"] = _("Type the number of a ticket.")
    elif not problems:
        try:
            context |= _trial(rule, int(number))
        except Ticket.DoesNotExist:
            context["problem"] = _("There is no ticket of this number.")
    return render(request, "rules/_trial.html", context)


def _use(given: str) -> Use:
    if given not in (Use.TRIGGER, Use.AUTOMATION):
        raise Http404
    return Use(given)


def _new(kind: str) -> Rule:
    """With a condition to begin from and no action: whoever saves in haste must not set tickets to "new"."""
    now = clock.now()
    first = [{"operator": "", "value": "", **_FIRST[USES[kind]]}]
    conditions = {"all": first, "any": []}
    return MODELS[kind](position=0, created_at=now, updated_at=now, conditions=conditions, actions=[])


def _draft(request: HttpRequest, use: Use) -> Rule:
    """What is typed, as a rule that is not kept."""
    rule = _new(KINDS[use])
    given = request.POST.get("rule", "")
    rule.pk = int(given) if given.isdecimal() and int(given) else None
    rule.title = request.POST.get("title", "").strip() or _("This rule")
    rule.conditions, rule.actions = rule_forms.read_conditions(request.POST), rule_forms.read_actions(request.POST)
    return rule


def _trial(rule: Rule, number: int) -> dict[str, Any]:
    trial, names = trying_rules.try_on(rule, number), choices.Names()
    blocks = (("all", trial.every), ("any", trial.some))
    return {
        "trial": trial,
        "rows": [
            (rule_words.condition(row, names), held)
            for block, held_rows in blocks
            for row, held in zip(rule.conditions.get(block, []), held_rows, strict=True)
        ],
        "lines": outcome_words.lines(trial.outcome),
    }


def _page(request: HttpRequest, kind: str, rule: Rule, problems: Sequence[Problem], status: int = 200) -> HttpResponse:
    use, names = USES[kind], choices.Names()
    said = {(problem.block, problem.row): _said(problem) for problem in problems}
    blocks = [
        (
            block,
            [
                rule_forms.condition_row(use, block, row, names, said.get((block, number), ""))
                for number, row in enumerate(rule.conditions.get(block, []))
            ],
        )
        for block in validation.BLOCKS
    ]
    actions = [
        rule_forms.action_row(use, row, names, said.get(("actions", number), ""))
        for number, row in enumerate(rule.actions)
    ]
    context = {
        "section": "admin",
        "at": kind,
        "kind": kind,
        "use": use,
        "rule": rule,
        "title": title_of(rule),
        "blocks": blocks,
        "actions": actions,
        "problems": [_said(problem) for problem in problems if not problem.block],
        "faulty": bool(problems),
        "placeholders": [(f"{{{{{name}}}}}", _(meaning)) for name, meaning in KNOWN.items()],
        "shipped_differs": bool(rule.pk) and editing.differs_from_shipped(rule),
        "versions": _versions(rule, names) if rule.pk else [],
    }
    return render(request, "rules/editor.html", context, status=status)


def _versions(rule: Rule, names: choices.Names) -> list[Version]:
    """The newest first. Compared with what is kept, not with what was just typed."""
    kept, language = type(rule).objects.get(pk=rule.pk), get_language() or "en"
    rows = rule.revisions.select_related("by__person").order_by("-id")[:VERSIONS]
    return [
        Version(row, title_of(kept, row.title), rule_words.lines(row, language, names), not editing.is_as_in(kept, row))
        for row in rows
    ]


def _said(problem: Problem) -> str:
    return _(problem.text) % problem.about if problem.about else _(problem.text)
