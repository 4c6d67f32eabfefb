"""A new password without the old one: asking for the link, and what the link leads to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from answerback.core import rate
from answerback.desk.accounts import password_reset
from answerback.people import password_links
from answerback.workspace.pages.profile import dress

PER_CLIENT = 20  # an hour: an office behind one address has forgetful people too
COUNTER = rate.Counter(3600)


class ForgotForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class NewPasswordForm(SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


def forgot(request: HttpRequest) -> HttpResponse:
    """The answer is the same for every address, whether somebody signs in with it or not."""
    form = ForgotForm(request.POST or None)
    if request.method != "POST":
        return render(request, "sign_in/forgot.html", {"form": form})
    if COUNTER.count(_client(request), PER_CLIENT).left < 0:
        form.add_error(None, _("Too many requests came from here. Please try again in an hour."))
        return render(request, "sign_in/forgot.html", {"form": form}, status=429)
    if not form.is_valid():
        return render(request, "sign_in/forgot.html", {"form": form})
    password_reset.send(form.cleaned_data["email"])
    return render(request, "sign_in/forgot_sent.html", {"email": form.cleaned_data["email"]})


@never_cache
@sensitive_post_parameters()
def choose(request: HttpRequest) -> HttpResponse:
    """Where the link leads. To look at it uses nothing up: programs that check mail follow links too."""
    link = request.GET.get("link", "")
    account = password_links.account_of(link)
    if account is None:
        return _private(render(request, "sign_in/link_ended.html"))
    form = NewPasswordForm(account, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _private(render(request, "sign_in/password.html", {"form": form, "account": account}))
    signed_in = password_links.redeem(link, form.cleaned_data["new_password1"])
    if signed_in is None:
        return _private(render(request, "sign_in/link_ended.html"))
    login(request, signed_in)
    if account.has_usable_password():
        done = _("Your password has been set. Other places where you were signed in are signed out.")
    else:
        done = _("Your password has been set.")
    messages.success(request, done)
    return redirect("/")


def _private(response: HttpResponse) -> HttpResponse:
    """The page's address is a secret: what it loads or leads to does not hear it."""
    response["Referrer-Policy"] = "strict-origin"
    return response


def _client(request: HttpRequest) -> str:
    """Whom a request counts for: an address, or the network of an IPv6 address, of which one client has very many."""
    peer = request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    return str(address if address.version == 4 else ip_network((address, 64), strict=False))
