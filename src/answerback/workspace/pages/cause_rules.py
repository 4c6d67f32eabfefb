"""Administration of own rules for causes: the list, the form, and a try of both before anything is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.outbound import cause_rules as rows
from answerback.outbound import cause_trial
from answerback.outbound.cause_rules import HiddenRuleError
from answerback.outbound.cause_trial import Trial
from answerback.outbound.models import CauseRule, Delivery, Message
from answerback.workspace import sorting, verdict_words
from answerback.workspace.access import account_of, admin_may_look, admin_required
from answerback.workspace.pages.causes import GROUP_TITLES
from answerback.workspace.pages.profile import dress
from mailroom.causes import catalogue
from mailroom.causes.own import LEAST, LONGEST, MOST_GAPS, BadRuleError, OwnRule, Problem, own_rule

URL = "/admin/cause-rules"
PROBLEMS = {
    Problem.FEW_WORDS: gettext_lazy("Words of at least %(least)s characters are needed: fewer fit nearly every reply."),
    Problem.GAP_FIRST: gettext_lazy("A * cannot stand in front: words are looked for anywhere in the text anyway."),
    Problem.MANY_GAPS: gettext_lazy("There can be at most %(gaps)s gaps (*)."),
    Problem.LONG: gettext_lazy("There can be at most %(longest)s characters. A part of the reply is enough."),
    Problem.NO_CAUSE: gettext_lazy("Choose a cause."),
}
LIMITS = {"least": LEAST, "gaps": MOST_GAPS, "longest": LONGEST}


class CauseRuleForm(forms.Form):
    words = forms.CharField(
        required=False,  # what is missing is told by the rule itself
        label=gettext_lazy("Words"),
        widget=forms.Textarea({"rows": 2, "class": "field__input mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "A part of the server’s reply or of the notice, as it stands there; large and small letters are alike. "
            "A * stands for up to 60 other characters."
        ),
    )
    cause = forms.ChoiceField(required=False, label=gettext_lazy("Cause"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cause"].choices = _choices()  # type: ignore[attr-defined]
        dress(self)


@dataclass(frozen=True)
class Row:
    rule: OwnRule
    cause: str  # its name
    row: CauseRule | None = None  # None: of the setting
    hidden_by: OwnRule | None = None


@dataclass(frozen=True)
class Tried:
    """What a try found about one recipient, in words."""

    recipient: str
    said: str
    key: str
    cause: str
    by: str
    otherwise: str  # the cause without own rules, "" where none of them named it
    otherwise_by: str


@admin_required
def cause_rules(request: HttpRequest) -> HttpResponse:
    """The list. `deleted` offers to take a deletion back."""
    found = list(rows.all_rows().select_related("by__person"))
    hidden = rows.hidden(found)
    deleted = request.GET.get("deleted", "")
    context = {
        "of_setting": [Row(rule, _name(rule.cause)) for rule in rows.of_setting()],
        "rules": [Row(row.own, _name(row.cause), row, hidden.get(row.pk)) for row in found],
        "undo": CauseRule.objects.filter(pk=deleted, deleted_at__isnull=False).first() if deleted.isdecimal() else None,
    }
    return _page(request, "cause_rules/list.html", context)


@admin_required
def edit(request: HttpRequest, rule_id: int = 0) -> HttpResponse:
    """The form of a rule, or of a new one. `delivery`: the failure whose words are to be tried."""
    row = _find(rule_id) if rule_id else None
    initial = {"words": row.words, "cause": row.cause} if row else None
    form = CauseRuleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and (saved := _save(request, form, row)):
        messages.success(request, _("Saved. It counts for what comes in from now on."))
        return redirect(f"{URL}#rule-{saved.pk}")
    context = {"row": row, "form": form, "sample": request.POST.get("sample") or _sample(request)}
    return _page(request, "cause_rules/form.html", context, status=422 if form.errors else 200)


@admin_required
@require_POST
def act(request: HttpRequest, rule_id: int) -> HttpResponse:
    """`act`: delete, undo, or one of sorting.MOVES."""
    match request.POST.get("act"):
        case act if act in sorting.MOVES:
            row, found = _find(rule_id), list(rows.all_rows())
            rows.move(found, row, sorting.wanted_place(request, found, row))
            return redirect(sorting.back_to(URL, request, f"rule-{row.pk}"))
        case "delete":
            rows.delete_rule(_find(rule_id))
            return redirect(f"{URL}?deleted={rule_id}")
        case "undo":
            if rows.take_back(rule_id):
                messages.success(request, _("The rule is back."))
            else:
                messages.warning(request, _("It is too late: the rule is gone for good."))
        case _:
            raise Http404
    return redirect(f"{URL}#rule-{rule_id}")


@admin_may_look
@require_POST
def tried(request: HttpRequest) -> HttpResponse:
    """What a pasted text means, by the rules there are and by the one that is typed, if it is complete."""
    own, problem = _typed_rules(request)
    found = cause_trial.try_on(request.POST.get("sample", ""), own)
    of_setting = {rule.words for rule in rows.of_setting()}
    context = {"problem": problem, "tried": [_in_words(trial, of_setting) for trial in found]}
    return render(request, "cause_rules/_trial.html", context)


@admin_may_look
@require_POST
def reread(request: HttpRequest) -> HttpResponse:
    """How many of the last failures the typed rule would name otherwise."""
    own, problem = _typed_rules(request)
    if problem or not request.POST.get("words", "").strip():
        return render(request, "cause_rules/_reread.html", {"problem": problem})
    found = cause_trial.reread(own, rows.current())
    examples = [(delivery, _name(delivery.cause), _name(cause)) for delivery, cause in found.examples]
    return render(request, "cause_rules/_reread.html", {"found": found, "examples": examples})


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, template, context | {"section": "admin", "at": "cause_rules"}, status=status)


def _find(rule_id: int) -> CauseRule:
    return get_object_or_404(rows.all_rows(), pk=rule_id)


def _choices() -> list[tuple[str, Any]]:
    """The causes that text can name, under who can mend them."""
    found = catalogue.load()
    groups: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUP_TITLES}
    for key in found.order:
        groups[found.causes[key].group].append((key, capfirst(_name(key))))
    return [("", "–"), *((_(GROUP_TITLES[group]), sorted(named, key=itemgetter(1))) for group, named in groups.items())]


def _name(cause: str) -> str:
    return catalogue.load().cause(cause).text(get_language() or "en").name


def _sample(request: HttpRequest) -> str:
    delivery = request.GET.get("delivery", "")
    found = Delivery.objects.filter(pk=int(delivery)) if delivery.isdecimal() else Delivery.objects.none()
    return found.exclude(kind=Message.Kind.SYSTEM).values_list("diagnostic", flat=True).first() or ""


def _save(request: HttpRequest, form: CauseRuleForm, row: CauseRule | None) -> CauseRule | None:
    try:
        return rows.save_rule(row, **form.cleaned_data, by=account_of(request))
    except BadRuleError as error:
        form.add_error("cause" if error.problem is Problem.NO_CAUSE else "words", _said(error))
    except HiddenRuleError as error:
        form.add_error("words", _never_asked(error))
    return None


def _typed_rules(request: HttpRequest) -> tuple[Sequence[OwnRule], str]:
    """All that would count if what is typed were saved; those there are, and why, where it cannot be."""
    words, cause, rule_id = (request.POST.get(name, "") for name in ("words", "cause", "rule"))
    if not words.strip():
        return rows.current(), ""
    try:
        row = _find(int(rule_id)) if rule_id.isdecimal() and int(rule_id) else None
        return rows.with_draft(row, own_rule(words, cause)), ""
    except BadRuleError as error:
        return rows.current(), _said(error)
    except HiddenRuleError as error:
        return rows.current(), _never_asked(error)


def _said(error: BadRuleError) -> str:
    return str(PROBLEMS[error.problem]) % LIMITS


def _never_asked(error: HiddenRuleError) -> str:
    if error.in_setting:
        text = _("It would never be asked: “%s” of the setting ANSWERBACK_CAUSE_RULES fits whatever these words fit.")
    else:
        text = _("There is a rule for “%s” already.")
    return text % error.by.words


def _in_words(trial: Trial, of_setting: set[str]) -> Tried:
    otherwise = trial.otherwise
    return Tried(
        recipient=trial.report.recipient,
        said=trial.report.diagnostic if trial.report.recipient else "",
        key=trial.verdict.cause,
        cause=_name(trial.verdict.cause),
        by=verdict_words.named_by(trial.verdict, of_setting),
        otherwise=_name(otherwise.cause) if otherwise else "",
        otherwise_by=verdict_words.named_by(otherwise, of_setting) if otherwise else "",
    )
