"""How mail leaves, and what we are called in mail: settings that hold as soon as they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from answerback.core import mail_settings
from answerback.env import PREFIX
from answerback.outbound import destinations, relay_trial
from answerback.outbound.relay_presets import PRESETS
from answerback.workspace import relay_form
from answerback.workspace.access import admin_may_look, admin_required
from answerback.workspace.pages.profile import dress
from answerback.workspace.relay_form import RelayForm
from mailroom.address import syntax_problem
from mailroom.report import DeliveryReport, Stage
from mailroom.smtp.route import Relay

URL = "/admin/outgoing"
RELAY_NAMES = ("RELAY_URL", "RETURN_PATH")
# what stands in the way of a session with the relay, by how far it came
TROUBLES: Mapping[Stage | None, str] = {
    Stage.DNS: gettext_noop("There is no server of that name. Look for a typing error."),
    Stage.CONNECT: gettext_noop("Nobody answers there. Check server and port, and whether a firewall lets us out."),
    Stage.BANNER: gettext_noop("The server answers, and does not want to talk with us."),
    Stage.EHLO: gettext_noop("The server answers, and does not want to talk with us."),
    Stage.STARTTLS: gettext_noop(
        "The connection could not be made safe. Check the port and the kind of encryption; with a certificate of your "
        "own name it in ANSWERBACK_TLS_CA_FILE."
    ),
    Stage.AUTH: gettext_noop("The server does not take this user with this password. Some want an app password."),
    None: gettext_noop("The server cannot be used as it is."),
}


class NamesForm(forms.Form):
    mail_domain = forms.CharField(
        max_length=253,
        label=gettext_lazy("Our name among mail servers"),
        help_text=gettext_lazy("Said in HELO, and the domain of mail without a support address. It has to be in DNS."),
    )
    return_path_domain = forms.CharField(
        required=False,
        max_length=253,
        label=gettext_lazy("Domain of the return paths"),
        help_text=gettext_lazy("Its mail has to come to Answerback. Empty: the name above."),
    )
    reply_address = forms.ChoiceField(
        label=gettext_lazy("Replies find their ticket by"),
        choices=[
            ("plus", gettext_lazy("a token in the address: support+TOKEN@")),
            ("none", gettext_lazy("the headers of the mail alone")),
        ],
    )
    authserv_id = forms.CharField(
        required=False,
        max_length=253,
        label=gettext_lazy("Mail server whose verdict about senders is believed"),
        help_text=gettext_lazy("The name that your own server writes into Authentication-Results. Empty: none."),
    )
    probe_address = forms.CharField(
        required=False,
        max_length=254,
        label=gettext_lazy("Address for probes of the way back"),
        help_text=gettext_lazy(
            "One that is accepted first and fails later; * becomes another word each time. Empty: one of our own."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
        for name, field in self.fields.items():
            field.disabled = mail_settings.is_set_outside(name.upper())
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
            if field.disabled:
                field.help_text = _("Set outside, by %s: it cannot be changed here.") % f"{PREFIX}{name.upper()}"

    def clean_mail_domain(self) -> str:
        return _domain(self.cleaned_data["mail_domain"])

    def clean_return_path_domain(self) -> str:
        return _domain(self.cleaned_data["return_path_domain"])

    def clean_probe_address(self) -> str:
        typed = str(self.cleaned_data["probe_address"])
        if typed and syntax_problem(typed.replace("*", "x")):
            raise forms.ValidationError(_("This is not an e-mail address."))
        return typed

    def values(self) -> Mapping[str, str]:
        """The settings that it stands for, those that are ours to change."""
        own = {name.upper(): value for name, value in self.cleaned_data.items() if not self.fields[name].disabled}
        if own.get("RETURN_PATH_DOMAIN") == self.cleaned_data["mail_domain"]:
            own["RETURN_PATH_DOMAIN"] = ""  # it follows
        return own


@admin_required
@sensitive_post_parameters()
def outgoing(request: HttpRequest) -> HttpResponse:
    """Both forms. `names` among what was posted: the second one."""
    of_names = "names" in request.POST
    relay = RelayForm(request.POST if request.POST and not of_names else None, initial=relay_form.of_now())
    names = NamesForm(request.POST if of_names else None, initial=names_of_now())
    posted = names if of_names else relay
    if request.method == "POST" and posted.is_valid():
        mail_settings.change(posted.values())
        messages.success(request, _("Saved. It holds from now on, for mail that waits too."))
        return redirect(URL)
    context = {"form": relay, "names": names, **relay_context()}
    return _page(request, "admin/outgoing.html", context, status=422 if posted.errors else 200)


@admin_may_look
@require_POST
@sensitive_post_parameters()
def preset(request: HttpRequest) -> HttpResponse:
    """The fields again, with what is known of `preset` filled in."""
    try:
        form = relay_form.filled(request.POST.dict(), request.POST.get("preset", ""))
    except KeyError:
        raise Http404 from None
    return _page(request, "admin/_relay_fields.html", {"form": form})


@admin_may_look
@require_POST
@sensitive_post_parameters()
def tried(request: HttpRequest) -> HttpResponse:
    """What the relay says to what is typed; where the settings are not ours to change, to those of now."""
    if any(map(mail_settings.is_set_outside, RELAY_NAMES)):
        return _tried(request, destinations.route())
    form = RelayForm(request.POST)
    if not form.is_valid():
        return _page(request, "admin/_relay_tried.html", {"form": form})
    return _tried(request, form.route())


def relay_context() -> dict[str, Any]:
    """What the relay's form needs beside itself, here and in the first steps."""
    return {
        "presets": PRESETS,
        "set_outside": [f"{PREFIX}{name}" for name in RELAY_NAMES if mail_settings.is_set_outside(name)],
        "relay_name": relay_form.relay_name(),
        "is_password_kept": bool((now := relay_form.endpoint_of_now()) and now.password),
    }


def _tried(request: HttpRequest, route: object) -> HttpResponse:
    if not isinstance(route, Relay):
        return _page(request, "admin/_relay_tried.html", {"no_relay": True})
    said = relay_trial.try_out(route)
    context = {"said": said, "words": _words(said) if said else "", "endpoint": route.endpoints[0]}
    return _page(request, "admin/_relay_tried.html", context)


def _words(said: DeliveryReport) -> str:
    return _(TROUBLES.get(said.stage, TROUBLES[None]))


def names_of_now() -> dict[str, str]:
    """What the form of names begins with."""
    names = ("mail_domain", "return_path_domain", "reply_address", "authserv_id", "probe_address")
    return {name: getattr(settings, name.upper()) for name in names}


def _domain(text: str) -> str:
    typed = text.strip().lower()
    if typed and syntax_problem(f"postmaster@{typed}"):
        raise forms.ValidationError(_("This is not a domain, such as mail.example.com."))
    return typed


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, template, context | {"section": "admin", "at": "outgoing"}, status=status)
