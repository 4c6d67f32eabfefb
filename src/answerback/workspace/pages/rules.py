"""The lists of triggers and automations: order, on and off, uses; and what is done to one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.people.models import Account
from answerback.rules import choices, editing, usage
from answerback.rules.definition import Use
from answerback.rules.effects import Rule
from answerback.rules.models import Automation, Trigger
from answerback.workspace import rule_words, sorting
from answerback.workspace.access import account_of, admin_required
from answerback.workspace.rule_words import Lines

MODELS: dict[str, type[Trigger] | type[Automation]] = {"triggers": Trigger, "automations": Automation}
USES = {"triggers": Use.TRIGGER, "automations": Use.AUTOMATION}


@dataclass(frozen=True)
class Entry:
    rule: Rule
    title: str
    lines: Lines


def title_of(rule: Rule, title: str | None = None) -> str:
    """Titles of shipped rules are translated as long as they are ours. `title`: the one it had then."""
    said = rule.title if title is None else title
    return _(said) if rule.key and said else said


def find(kind: str, rule_id: int) -> Rule:
    if kind not in MODELS:
        raise Http404
    rules: QuerySet[Any] = MODELS[kind].objects.all()
    return get_object_or_404(rules, pk=rule_id)


@admin_required
def rule_list(request: HttpRequest, kind: str) -> HttpResponse:
    if kind not in MODELS:
        raise Http404
    words = request.GET.get("q", "").strip()
    rules: QuerySet[Any] = MODELS[kind].objects.all()
    names, language = choices.Names(), get_language() or "en"
    entries = [_entry(rule, language, names) for rule in usage.counted(rules.filter(deleted_at__isnull=True))]
    shown = [entry for entry in entries if _has(entry, words)]
    context = {
        "section": "admin",
        "at": kind,
        "kind": kind,
        "entries": shown,
        "q": words,
        "total": len(entries),
        "deleted": [(rule, title_of(rule)) for rule in rules.filter(deleted_at__isnull=False).order_by("-deleted_at")],
    }
    return render(request, "rules/list.html", context)


@admin_required
@require_POST
def act(request: HttpRequest, kind: str, rule_id: int) -> HttpResponse:
    rule, done = find(kind, rule_id), _ACTS.get(request.POST.get("act", ""))
    if done is None:
        raise Http404
    return redirect(done(request, kind, rule, account_of(request)))


def _on(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    editing.switch(rule, True, by)
    return f"/admin/{kind}#rule-{rule.pk}"


def _off(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    editing.switch(rule, False, by)
    return f"/admin/{kind}#rule-{rule.pk}"


def _move(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    rows = list(MODELS[kind].objects.filter(deleted_at__isnull=True))
    if rule in rows:
        editing.move(rule, sorting.wanted_place(request, rows, rule), by)
    return sorting.back_to(f"/admin/{kind}", request, f"rule-{rule.pk}")


def _clone(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    copy = editing.clone(rule, _("Copy of %s") % title_of(rule), by)
    messages.success(request, _("This is the copy. It is switched off."))
    return f"/admin/{kind}/{copy.pk}"


def _delete(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    editing.delete(rule, by)
    messages.success(request, _("“%s” has been deleted. It can be brought back below the list.") % title_of(rule))
    return f"/admin/{kind}#deleted"


def _bring_back(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    editing.bring_back(rule, by)
    messages.success(request, _("“%s” is back.") % title_of(rule))
    return f"/admin/{kind}#rule-{rule.pk}"


def _restore(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    try:
        editing.restore_shipped(rule, by)
    except editing.NothingShippedError as error:
        raise Http404 from error
    messages.success(request, _("The rule is as it was shipped."))
    return f"/admin/{kind}/{rule.pk}"


def _go_back(request: HttpRequest, kind: str, rule: Rule, by: Account) -> str:
    given = request.POST.get("revision", "")
    revision = get_object_or_404(rule.revisions, pk=int(given) if given.isdecimal() else 0)
    editing.go_back(rule, revision, by)
    messages.success(request, _("The rule is as it was in that version."))
    return f"/admin/{kind}/{rule.pk}"


_ACTS: dict[str, Callable[[HttpRequest, str, Rule, Account], str]] = {
    "on": _on,
    "off": _off,
    **dict.fromkeys(sorting.MOVES, _move),
    "clone": _clone,
    "delete": _delete,
    "bring_back": _bring_back,
    "restore": _restore,
    "go_back": _go_back,
}


def _entry(rule: Rule, language: str, names: choices.Names) -> Entry:
    return Entry(rule, title_of(rule), rule_words.lines(rule, language, names))


def _has(entry: Entry, words: str) -> bool:
    lines = entry.lines
    said = " ".join([entry.title, *lines.every, *lines.some, *lines.actions]).casefold()
    return all(word in said for word in words.casefold().split())
