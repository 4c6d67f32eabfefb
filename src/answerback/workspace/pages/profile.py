"""One's own profile: name, language, theme, signature, password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.people import identities, team
from answerback.people.models import Account
from answerback.workspace import each_delivery, words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.language import SUPPORTED
from answerback.workspace.pages import agent_mail
from answerback.workspace.pages.sign_in import safe_next

MISSED = 10

THEMES = [
    ("system", gettext_lazy("As the system has it")),
    ("light", gettext_lazy("Light")),
    ("dark", gettext_lazy("Dark")),
]


UNDO_SECONDS = (5, 10, 20, 30, 60)


def _undo_choices() -> list[tuple[str, str]]:
    usual = _seconds(settings.UNDO_SECONDS)
    return [
        ("", _("As the administrator has set it: %s") % usual),
        *((str(number), _seconds(number)) for number in (0, *UNDO_SECONDS)),
    ]


def _seconds(number: int) -> str:
    return ngettext("%d second", "%d seconds", number) % number if number else _("not at all, it goes at once")


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=200, label=gettext_lazy("Name"))
    language = forms.ChoiceField(choices=list(words.LANGUAGES.items()), label=gettext_lazy("Language"))
    theme = forms.ChoiceField(choices=THEMES, label=gettext_lazy("Appearance"))
    signature = forms.CharField(
        required=False,
        label=gettext_lazy("Signature"),
        help_text=gettext_lazy("Stands below every public reply."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    undo_seconds = forms.TypedChoiceField(
        required=False,
        choices=_undo_choices,
        coerce=int,
        empty_value=None,
        label=gettext_lazy("How long an answer can be taken back after “send”"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class PasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["old_password"].widget.attrs["autofocus"]  # the page is about more than the password
        dress(self)


def dress(form: forms.BaseForm) -> None:
    """Give the widgets of a form our looks."""
    for field in form.fields.values():
        field.widget.attrs.setdefault("class", "field__input")


@agent_required
def profile(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = ProfileForm(request.POST) if request.method == "POST" else ProfileForm(initial=_current(request))
    if request.method == "POST" and form.is_valid():
        team.edit_own(account, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("/profile")
    return render(request, "profile/page.html", _context(account, form, PasswordForm(account)))


@agent_required
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = PasswordForm(account, request.POST)
    if not form.is_valid():
        return render(request, "profile/page.html", _context(account, ProfileForm(initial=_current(request)), form))
    team.set_password(account, form.cleaned_data["new_password1"])
    update_session_auth_hash(request, account)
    messages.success(request, _("Your password has been changed."))
    return redirect("/profile")


@agent_required
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    if (language := request.POST.get("language", "")) in SUPPORTED:
        team.choose_language(account_of(request), language)
    return redirect(safe_next(request, "/"))


def _context(account: Account, form: ProfileForm, password_form: PasswordForm) -> dict[str, Any]:
    """With the mail to this agent that did not arrive, and whether we write to them at all."""
    identity = identities.primary_of(account.person)
    missed = agent_mail.undelivered().filter(person=account.person).order_by("-id")[:MISSED]
    return {
        "form": form,
        "password_form": password_form,
        "missed": each_delivery.standings(list(missed)),
        "suppressed": identity if identity and identities.is_suppressed(identity) else None,
        "complained": identity is not None and identities.complaint_about(identity) is not None,
    }


def _current(request: HttpRequest) -> dict[str, Any]:
    account = account_of(request)
    return {
        "name": account.person.name,
        "language": account.person.language or (get_language() or "en"),
        "theme": account.theme,
        "signature": account.signature,
        "undo_seconds": account.undo_seconds,
    }
