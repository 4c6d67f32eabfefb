"""The form that says how mail leaves: filled from the settings of now, or from a preset, and turned into a setting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from answerback.outbound import destinations
from answerback.outbound.relay_presets import FIXED, PRESETS, SIGNED
from answerback.workspace import server_sign_in
from answerback.workspace.server_sign_in import PASSWORD, ServerForm
from mailroom.smtp.route import REWRITES_RETURN_PATH, Endpoint, Mx, Relay, Tls, url_of

RELAY, MX = "relay", "mx"
WAYS = [
    (RELAY, gettext_lazy("Through a mail server: your own or a provider's")),
    (MX, gettext_lazy("Straight to the recipients' servers")),
]
TLS = [
    (Tls.IMPLICIT.value, gettext_lazy("from the start (port 465)")),
    (Tls.VERIFY.value, gettext_lazy("STARTTLS, and the certificate has to be right")),
    (Tls.MUST.value, gettext_lazy("STARTTLS, with any certificate")),
    (Tls.MAY.value, gettext_lazy("STARTTLS where it is offered")),
    (Tls.NONE.value, gettext_lazy("none: only on the same machine")),
]
RETURN_PATHS = [
    (SIGNED, gettext_lazy("one of its own for each mail")),
    (FIXED, gettext_lazy("the support address")),
]


class RelayForm(ServerForm):
    way = forms.ChoiceField(choices=WAYS, widget=forms.RadioSelect(attrs={"class": ""}))
    tls = forms.ChoiceField(required=False, choices=TLS, label=gettext_lazy("Encryption (TLS)"))
    return_path = forms.ChoiceField(
        choices=RETURN_PATHS,
        label=gettext_lazy("Return path: where failure reports go"),
        help_text=gettext_lazy(
            "“One of its own” proves more. Microsoft 365, Gmail and others that take only their own addresses need "
            "“the support address”."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, old=endpoint_of_now(), **kwargs)
        if self.data.get("way") == MX:  # nobody is asked for a server then
            self.fields["host"].required = self.fields["sign_in"].required = False

    def clean_host(self) -> str:
        host = super().clean_host()
        if host and not _is_host(host):
            raise forms.ValidationError(
                _("This is no name of a server: write only the name, such as mail.example.com.")
            )
        return host

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("way") != RELAY:
            return given
        if not given.get("port") and "port" not in self.errors:
            given["port"] = 465 if given.get("tls") == Tls.IMPLICIT else 587
        if given.get("tls") == Tls.NONE and (given.get("user") or given.get("secret")):
            self.add_error("tls", _("User and password are sent under TLS only: choose another kind."))
        if given.get("secret") and not given.get("user"):
            self.add_error("user", _("A password needs a user."))
        if given.get("host") in REWRITES_RETURN_PATH and given.get("return_path") == SIGNED:
            told = _("%s takes only its own addresses: choose “the support address”.") % given["host"]
            self.add_error("return_path", told)
        return given

    def route(self) -> Relay | None:
        """What was entered; None for MX."""
        given = self.cleaned_data
        if given["way"] == MX:
            return None
        tokens = self.oauth()
        endpoint = Endpoint(
            given["host"],
            given["port"],
            Tls(given["tls"]),
            given["user"],
            self.password() if given["user"] else "",
            settings.TLS_CA_FILE,
            auth="xoauth2" if tokens else "",
            oauth=tokens,
        )
        return Relay((endpoint,))

    def values(self) -> Mapping[str, str]:
        """The settings that it stands for."""
        relay = self.route()
        return {
            "RELAY_URL": url_of(relay.endpoints[0]) if relay else MX,
            "RETURN_PATH": self.cleaned_data["return_path"],
        }


def endpoint_of_now() -> Endpoint | None:
    match destinations.route():
        case Relay(endpoints):
            return endpoints[0]
    return None


def relay_name() -> str:
    """Where mail goes, without the password."""
    match destinations.route():
        case None:
            return _("none configured")
        case Relay(endpoints):
            return ", ".join(f"{one.host}:{one.port}" for one in endpoints)
    return _("directly to the recipients’ servers")


def of_now() -> dict[str, Any]:
    """What the form begins with. The password never is in it."""
    begun: dict[str, Any] = {"way": RELAY, "port": 587, "tls": Tls.VERIFY.value, "sign_in": PASSWORD}
    begun["return_path"] = settings.RETURN_PATH
    match destinations.route():
        case Mx():
            begun["way"] = MX
        case Relay(endpoints):
            one = endpoints[0]
            begun |= server_sign_in.of(one) | {"port": one.port, "tls": one.tls.value}
    return begun


def filled(typed: Mapping[str, str], key: str) -> RelayForm:
    """The form with what was typed, and over it what the preset knows. KeyError where there is none of that name."""
    preset = PRESETS[key]
    known = {
        "way": RELAY,
        "host": preset.host,
        "port": preset.port,
        "tls": preset.tls.value,
        "return_path": preset.return_path,
    }
    user = preset.user or typed.get("user", "")
    return RelayForm(initial={"sign_in": PASSWORD} | dict(typed) | known | {"user": user})


def _is_host(text: str) -> bool:
    """A name or an IP address: no scheme, no port, no user."""
    labels = text.split(".")
    is_name = all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels)
    return is_name or bool(re.fullmatch(r"[0-9a-fA-F:.]{2,45}", text) and text.count(":") > 1)
