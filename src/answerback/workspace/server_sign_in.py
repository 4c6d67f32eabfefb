"""The part of a form that says how we sign in at a mail server, be it the relay's or a mailbox's."""

from __future__ import annotations

from typing import Any, Protocol

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from answerback.workspace.pages.profile import dress
from mailroom import oauth
from mailroom.oauth import OAuth

PASSWORD, MICROSOFT, GOOGLE, OTHER = "password", "microsoft", "google", "oauth2"
SIGN_INS = [
    (PASSWORD, gettext_lazy("a password")),
    (MICROSOFT, gettext_lazy("an application of Microsoft 365")),
    (GOOGLE, gettext_lazy("an application of Google")),
]


class Account(Protocol):
    """What is set up now: a mailbox, or an endpoint of the relay."""

    @property
    def host(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def oauth(self) -> OAuth | None: ...


class ServerForm(forms.Form):
    """`old`: the account of now, whose secrets stay where none is typed; they go to no other server or user."""

    host = forms.CharField(
        max_length=253,
        label=gettext_lazy("Server"),
        widget=forms.TextInput({"placeholder": "mail.example.com", "spellcheck": "false", "autocomplete": "off"}),
    )
    port = forms.IntegerField(required=False, min_value=1, max_value=65535, label=gettext_lazy("Port"))
    user = forms.CharField(
        required=False, max_length=254, label=gettext_lazy("User"), widget=forms.TextInput({"autocomplete": "off"})
    )
    sign_in = forms.ChoiceField(choices=SIGN_INS, label=gettext_lazy("Signs in with"))
    tenant = forms.CharField(required=False, max_length=200, label=gettext_lazy("Tenant (Microsoft)"))
    client_id = forms.CharField(required=False, max_length=300, label=gettext_lazy("Client id of the application"))
    client_secret = forms.CharField(
        required=False,
        max_length=2000,
        label=gettext_lazy("Client secret (Google)"),
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
    )
    secret = forms.CharField(
        required=False,
        strip=False,
        max_length=4000,
        label=gettext_lazy("Password; of an application the client secret (Microsoft) or the refresh token (Google)"),
        # what was typed stays while the form is not saved; what is saved is never in `initial`
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
        help_text=gettext_lazy("It is never shown again. Left empty, the old one stays."),
    )

    def __init__(self, *args: Any, old: Account | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._old = old
        if self.initial.get("sign_in") == OTHER:
            self.fields["sign_in"].choices = [*SIGN_INS, (OTHER, _("the same as now"))]  # type: ignore[attr-defined]
        dress(self)

    def clean_host(self) -> str:
        return str(self.cleaned_data["host"]).strip().strip("[]").lower()

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("sign_in") == MICROSOFT and not given.get("tenant"):
            self.add_error("tenant", _("Microsoft 365 wants to know the tenant."))
        if given.get("sign_in") in (MICROSOFT, GOOGLE) and not given.get("client_id"):
            self.add_error("client_id", _("Say which application signs in."))
        if given.get("sign_in") in (MICROSOFT, GOOGLE) and not self.secret_of_account():
            self.add_error("secret", _("Without it nobody can sign in."))
        return given

    def secret_of_account(self) -> str:
        """What was typed, else the one of now."""
        if (typed := str(self.cleaned_data.get("secret", ""))) or not (now := self._same_account()):
            return typed
        return now.oauth.secret if now.oauth else now.password

    def password(self) -> str:
        return self.secret_of_account() if self.cleaned_data["sign_in"] == PASSWORD else ""

    def oauth(self) -> OAuth | None:
        given, now = self.cleaned_data, self._same_account()
        if given["sign_in"] == PASSWORD:
            return None
        if given["sign_in"] == OTHER:
            return self._old.oauth if self._old else None
        kept = now.oauth.client_secret if now and now.oauth else ""
        asked = {"tenant": given["tenant"], "client_id": given["client_id"]}
        asked |= {"client_secret": given["client_secret"] or kept} if given["sign_in"] == GOOGLE else {}
        return oauth.of_provider(given["sign_in"], asked, self.secret_of_account())

    def _same_account(self) -> Account | None:
        """The account of now where the form is about the same."""
        given, old = self.cleaned_data, self._old
        if old is None or (given.get("host"), given.get("user")) != (old.host, old.user):
            return None
        return old if given.get("sign_in") == sign_in_of(old) else None


def sign_in_of(account: Account) -> str:
    return account.oauth.provider if account.oauth else PASSWORD


def of(account: Account) -> dict[str, Any]:
    """What the form begins with. No secret ever is in it."""
    tokens = account.oauth
    return {
        "host": account.host,
        "user": account.user,
        "sign_in": sign_in_of(account),
        "tenant": oauth.tenant_of(tokens) if tokens else "",
        "client_id": tokens.client_id if tokens else "",
    }
