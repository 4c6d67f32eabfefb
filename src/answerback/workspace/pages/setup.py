"""The first steps: from an empty installation to one whose way back is proven, each step a page of its own.

Policy: a step is left and come back to at will, and what was typed into it is kept. Saving goes on to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy, gettext_noop
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from answerback.core import mail_settings
from answerback.desk import admin_changes, first_steps
from answerback.desk.first_steps import Standing, Step
from answerback.outbound import destinations, standing, way_back
from answerback.outbound.models import Attempt, Delivery
from answerback.outbound.standing import Words
from answerback.people import first_account
from answerback.people.identities import BadAddressError
from answerback.tickets import addresses
from answerback.workspace import kept_typing, mailbox_form, relay_form
from answerback.workspace.access import account_of, admin_required
from answerback.workspace.mailbox_form import MailboxForm
from answerback.workspace.pages import admin, admin_incoming, admin_outgoing, delivery
from answerback.workspace.pages.profile import dress
from answerback.workspace.relay_form import RelayForm
from mailroom import address as address_rules
from mailroom.address import syntax_problem
from mailroom.states import State

URL = first_account.PAGE
TITLES: Mapping[Step, str] = {
    Step.ADDRESS: gettext_noop("Support address"),
    Step.INCOMING: gettext_noop("The way in"),
    Step.OUTGOING: gettext_noop("The way out"),
    Step.DNS: gettext_noop("DNS"),
    Step.TEST: gettext_noop("Test mail"),
    Step.WAY_BACK: gettext_noop("The way back"),
}
STANDINGS: Mapping[Standing, str] = {
    Standing.OPEN: gettext_noop("not done yet"),
    Standing.DONE: gettext_noop("done"),
    Standing.SKIPPED: gettext_noop("skipped"),
}
DONE = "done"
_NOT_TYPED = ("csrfmiddlewaretoken", "to", "act")
_MOVING = (State.QUEUED, State.SENDING, State.DEFERRED)

# what became of a test mail, as far as it is still told by its state
STATES: Mapping[Words, str] = {
    Words.SENDING: gettext_noop("On its way"),
    Words.TRYING: gettext_noop("Not taken yet; it is tried again"),
    Words.OUR_FAULT: gettext_noop("It waits: our mail server refuses us"),
    Words.PAUSED: gettext_noop("It waits: sending is paused"),
    Words.ACCEPTED: gettext_noop("Accepted"),
    Words.NO_REPORTS: gettext_noop("Accepted"),
    Words.DELAYED: gettext_noop("Accepted, and delayed there"),
    Words.DELIVERED: gettext_noop("Delivered"),
    Words.FAILED: gettext_noop("Not delivered"),
    Words.SUPPRESSED: gettext_noop("Not sent: the address is marked undeliverable"),
    Words.HELD: gettext_noop("Held back"),
    Words.CANCELLED: gettext_noop("Stopped"),
}


class FirstAccountForm(forms.Form):
    name = forms.CharField(
        max_length=200,
        label=gettext_lazy("Your name"),
        help_text=gettext_lazy("As customers see it."),
        widget=forms.TextInput({"autocomplete": "name", "autofocus": True}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), widget=forms.EmailInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        strip=False,
        label=gettext_lazy("Password"),
        help_text=gettext_lazy("At least 10 characters."),
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password)
        return password


class TestForm(forms.Form):
    address = forms.CharField(
        max_length=254, label=gettext_lazy("Where to"), widget=forms.EmailInput({"autocomplete": "email"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean_address(self) -> str:
        typed = str(self.cleaned_data["address"])
        if syntax_problem(typed):
            raise ValidationError(_("This is not an e-mail address."))
        return typed


@dataclass(frozen=True)
class Shown:
    """A step in the list of all."""

    step: Step
    title: str
    standing: Standing
    words: str
    number: int


@dataclass(frozen=True)
class Answered:
    """What became of a step that was posted: `is_over` leads on, `context` shows it again."""

    is_over: bool
    context: Mapping[str, Any]


# The account


@never_cache
@sensitive_post_parameters()
def begin(request: HttpRequest) -> HttpResponseBase:
    """Where the link on the console leads; once somebody can sign in, the first step that is open."""
    if not first_account.is_awaited():
        return _continue(request)
    token = request.GET.get("token", "")
    if not first_account.may_create(token):
        return render(request, "setup/no_link.html", status=403)
    form = FirstAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (page := _create(request, token, form)):
        return page
    response = render(request, "setup/account.html", {"form": form}, status=422 if form.errors else 200)
    response["Referrer-Policy"] = "strict-origin"  # the page's address is a secret
    return response


def _create(request: HttpRequest, token: str, form: FirstAccountForm) -> HttpResponse | None:
    try:
        with admin_changes.recording(lambda: None, admin_changes.Via.LINK):
            account = first_account.create(token, **form.cleaned_data, language=get_language() or "en")
    except BadAddressError:
        form.add_error("email", _("This is not an e-mail address."))
        return None
    if account:
        login(request, account)
    return redirect(URL)


@admin_required
def _continue(request: HttpRequest) -> HttpResponse:
    upcoming = first_steps.next_open(first_steps.standings())
    return redirect(f"{URL}/{upcoming or DONE}")


# The steps


@admin_required
@sensitive_post_parameters()
def step(request: HttpRequest, name: str) -> HttpResponse:
    """One step. Posted with `to` it is left for another one, with `act=skip` for the next."""
    if name not in list(Step):
        raise Http404
    here = Step(name)
    typed = {key: value for key, value in request.POST.dict().items() if key not in _NOT_TYPED}
    if to := request.POST.get("to", ""):
        return _leave(request, here, typed, to)
    if request.POST.get("act") == "skip":
        first_steps.skip(here)
        return _leave(request, here, typed, _after(here))
    answered = _STEPS[here](request)
    if answered.is_over:
        kept_typing.forget(request, here)
        return redirect(f"{URL}/{_after(here)}")
    return _page(request, f"setup/{name.replace('-', '_')}.html", here, answered.context)


@admin_required
def done(request: HttpRequest) -> HttpResponse:
    standings = first_steps.standings()
    left = [one for one in _shown(standings) if one.standing is not Standing.DONE]
    return _page(request, "setup/done.html", None, {"left": left})


@admin_required
def incoming_state(request: HttpRequest) -> HttpResponse:
    return render(request, "setup/_incoming_state.html", _incoming_state())


@admin_required
def test_state(request: HttpRequest) -> HttpResponse:
    return render(request, "setup/_test_state.html", _test_state())


@admin_required
def way_back_state(request: HttpRequest) -> HttpResponse:
    return render(request, "setup/_way_back_state.html", delivery.way_back_context())


def _leave(request: HttpRequest, here: Step, typed: Mapping[str, str], to: str) -> HttpResponse:
    kept_typing.keep(request, here, typed)
    return redirect(f"{URL}/{to if to in list(Step) else DONE}")


def _after(here: Step) -> str:
    """The next one in order; what is done already is seen once more, and gone on from."""
    steps = list(Step)
    return (*steps, DONE)[steps.index(here) + 1]


def _address(request: HttpRequest) -> Answered:
    row = addresses.default_support_address()
    initial = admin.initial_of(row) | dict(kept_typing.of(request, Step.ADDRESS))
    group = row.group_id if row and row.group_id else ""
    data = request.POST.dict() | {"default": "on", "active": "on", "group": str(group)} if request.POST else None
    form = admin.SupportAddressForm(data, initial=initial)
    saved = request.method == "POST" and form.is_valid() and admin.save_address(form, row)
    return Answered(saved, {"form": form})


def _incoming(request: HttpRequest) -> Answered:
    """Nothing typed is an answer too: mail is handed over to us."""
    kept = kept_typing.of(request, Step.INCOMING)
    wants = any(request.POST.get(name) for name in ("host", "user", "secret"))
    form = MailboxForm(request.POST if wants else None, initial=mailbox_form.of(None) | dict(kept))
    if request.method == "POST" and not wants:
        return Answered(True, {})
    if wants and form.is_valid():
        mail_settings.change(admin_incoming.urls_with(form.mailbox()))
        messages.success(request, _("Saved. We look into it now; how it goes stands on the step “The way in”."))
        return Answered(True, {})
    host, port = settings.SMTP_LISTEN
    context = {
        "form": form,
        "smtp": f"{host}:{port}",
        "transport": _transport_lines(port),
        "are_lines_ours": not mail_settings.is_set_outside(admin_incoming.IMAP),
        "is_begun": bool(kept),
    }
    return Answered(False, context | _incoming_state())


def _transport_lines(port: int) -> list[str]:
    """What Postfix on the same machine has to be told (its transport(5)), to be copied."""
    support = addresses.default_support_address()
    ours = (support.address if support else f"support@{settings.MAIL_DOMAIN}", settings.RETURN_PATH_DOMAIN)
    width = max(map(len, ours))
    return [f"{one:<{width}}  smtp:[127.0.0.1]:{port}" for one in ours]


def _incoming_state() -> dict[str, Any]:
    return {"lines": admin_incoming.mailbox_lines(), "last": first_steps.last_received()}


def _outgoing(request: HttpRequest) -> Answered:
    context = admin_outgoing.relay_context()
    if context["set_outside"]:
        return Answered(request.method == "POST", context)
    initial = relay_form.of_now() | dict(kept_typing.of(request, Step.OUTGOING))
    form = RelayForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        mail_settings.change(form.values())
        return Answered(True, {})
    return Answered(False, context | {"form": form})


def _dns(request: HttpRequest) -> Answered:
    """`act=look` saves the names and stays, to look at what DNS says of them."""
    initial = _proposed_names() | dict(kept_typing.of(request, Step.DNS))
    form = admin_outgoing.NamesForm(_whole(request, initial), initial=initial)
    if request.method != "POST" or not form.is_valid():
        return Answered(False, {"form": form})
    mail_settings.change(form.values())
    if request.POST.get("act") == "look":
        return Answered(False, {"form": form, "is_saved": True})
    first_steps.note_dns_seen()
    return Answered(True, {})


def _whole(request: HttpRequest, initial: Mapping[str, str]) -> dict[str, str] | None:
    """A form of names of which the page shows a part: the rest is what it is."""
    return {**initial, **request.POST.dict()} if request.POST else None


def _proposed_names() -> dict[str, str]:
    """What they are; where nobody has said, what would be usual beside the support address."""
    names = admin_outgoing.names_of_now()
    support = addresses.default_support_address()
    domain = support.address.rpartition("@")[2] if support else ""
    if domain and address_rules.is_reserved(names["mail_domain"]) and not address_rules.is_reserved(domain):
        return names | {"mail_domain": f"help.{domain}", "return_path_domain": f"bounce.{domain}"}
    return names


def _test(request: HttpRequest) -> Answered:
    """`act=send` sends one and stays, to watch it."""
    kept = kept_typing.of(request, Step.TEST)
    sending = request.POST.get("act") == "send"
    form = TestForm(request.POST if sending else None, initial={"address": account_of(request).email} | dict(kept))
    if request.method == "POST" and not sending:
        return Answered(True, {})
    if sending and form.is_valid():
        first_steps.send_test(form.cleaned_data["address"])
    return Answered(False, {"form": form} | _test_state())


def _test_state() -> dict[str, Any]:
    mail = first_steps.test_mail()
    if mail is None:
        return {"mail": None}
    words = standing.words_of(mail, standing.lane_of(mail))
    tone = _tone(mail, words)
    return {
        "mail": mail,
        "words": _("Mail waits: nobody has said yet how it leaves") if _is_stuck(mail) else _(STATES[words]),
        "tone": tone,
        "cause": standing.cause_name(mail.cause) if mail.cause and tone != "good" else "",
        "attempts": Attempt.objects.filter(delivery=mail).order_by("-number"),
        "moving": mail.state in _MOVING,
    }


def _is_stuck(mail: Delivery) -> bool:
    return mail.state in _MOVING and mail.destination == destinations.UNCONFIGURED


def _tone(mail: Delivery, words: Words) -> str:
    if mail.state in (State.FAILED, State.HELD, State.CANCELLED) or words is Words.OUR_FAULT:
        return "bad"
    return "wait" if mail.state in _MOVING else "good"


def _way_back(request: HttpRequest) -> Answered:
    """`act=probe` keeps the address for probes, sends one and stays, to watch it."""
    initial = admin_outgoing.names_of_now() | dict(kept_typing.of(request, Step.WAY_BACK))
    form = admin_outgoing.NamesForm(_whole(request, initial), initial=initial)
    if request.method == "POST" and not form.is_valid():
        return Answered(False, {"form": form} | delivery.way_back_context())
    if request.method == "POST":
        mail_settings.change(form.values())
        if request.POST.get("act") != "probe":
            return Answered(True, {})
        _probe(request, form)
    return Answered(False, {"form": form} | delivery.way_back_context())


def _probe(request: HttpRequest, form: forms.Form) -> None:
    try:
        way_back.start(by=account_of(request))
    except way_back.NoRouteError:
        form.add_error("probe_address", _("No relay is configured, so nothing can be sent."))
    except way_back.NoAddressError:
        form.add_error("probe_address", _("Name an address that is accepted first and fails later."))


_STEPS: Mapping[Step, Callable[[HttpRequest], Answered]] = {
    Step.ADDRESS: _address,
    Step.INCOMING: _incoming,
    Step.OUTGOING: _outgoing,
    Step.DNS: _dns,
    Step.TEST: _test,
    Step.WAY_BACK: _way_back,
}


def _page(request: HttpRequest, template: str, here: Step | None, context: Mapping[str, Any]) -> HttpResponse:
    shown = _shown(first_steps.standings())
    form = context.get("form")
    frame = {
        "section": "admin",
        "steps": shown,
        "here": next((one for one in shown if one.step is here), None),
        "done_count": sum(one.standing is Standing.DONE for one in shown),
    }
    is_wrong = form is not None and form.is_bound and bool(form.errors)
    return render(request, template, {**frame, **context}, status=422 if is_wrong else 200)


def _shown(standings: Mapping[Step, Standing]) -> list[Shown]:
    rows = enumerate(standings.items(), start=1)
    return [Shown(step, _(TITLES[step]), how, _(STANDINGS[how]), number) for number, (step, how) in rows]
