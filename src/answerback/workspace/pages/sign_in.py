"""Signing in and out, and the language before one has signed in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from answerback.people import first_account
from answerback.workspace.language import COOKIE, SUPPORTED

YEAR = 365 * 86400


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("That address and password do not belong together."),
        "inactive": _("This account has been switched off."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget = forms.EmailInput(
            attrs={"class": "field__input", "autocomplete": "username", "autofocus": True}
        )
        self.fields["username"].label = _("E-mail address")
        self.fields["password"].widget.attrs["class"] = "field__input"
        self.fields["password"].label = _("Password")


class SignIn(LoginView):
    template_name = "sign_in/page.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"is_first_awaited": first_account.is_awaited()}


class SignOut(LogoutView):
    """POST only, as Django has it."""


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Before signing in the choice is a cookie; afterwards it is the profile's (pages.profile)."""
    response = HttpResponseRedirect(safe_next(request, settings.LOGIN_URL))
    if (language := request.POST.get("language", "")) in SUPPORTED:
        response.set_cookie(COOKIE, language, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response


def safe_next(request: HttpRequest, default: str) -> str:
    """Where the form wants to go back to, if that is one of our own pages."""
    target = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return target if own else default
