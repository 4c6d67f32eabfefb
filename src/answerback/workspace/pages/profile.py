"""One's own profile: name, language, theme, signature, password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.people import team
from answerback.workspace import words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.language import SUPPORTED
from answerback.workspace.pages.sign_in import safe_next

THEMES = [
    ("system", gettext_lazy("As the system has it")),
    ("light", gettext_lazy("Light")),
    ("dark", gettext_lazy("Dark")),
]


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class PasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
    return render(request, "profile/page.html", {"form": form, "password_form": PasswordForm(account)})


@agent_required
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = PasswordForm(account, request.POST)
    if not form.is_valid():
        context = {"form": ProfileForm(initial=_current(request)), "password_form": form}
        return render(request, "profile/page.html", context)
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


def _current(request: HttpRequest) -> dict[str, str]:
    account = account_of(request)
    return {
        "name": account.person.name,
        "language": account.person.language or (get_language() or "en"),
        "theme": account.theme,
        "signature": account.signature,
    }
