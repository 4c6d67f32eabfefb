"""By which doors mail and outcomes come in: how the mailboxes go that are followed, and what mail services tell.

Both are set up here, where the environment does not do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters

from answerback.core import mail_settings
from answerback.env import PREFIX
from answerback.outbound.providers import PROVIDERS
from answerback.reports import mail_services
from answerback.store import mailboxes
from answerback.store.mailboxes import Trouble
from answerback.store.models import MailboxState
from answerback.workspace import mailbox_form
from answerback.workspace.access import admin_required
from answerback.workspace.mailbox_form import MailboxForm
from answerback.workspace.pages.profile import dress
from mailroom import imap_url, webhook_signatures
from mailroom.imap_url import Mailbox

URL = "/admin/incoming"
IMAP = "IMAP_URLS"
_STALE = "stale"
NAMES: Mapping[str, str] = {
    Trouble.NONE: gettext_noop("Followed"),
    Trouble.SIGN_IN: gettext_noop("Sign-in refused"),
    Trouble.OAUTH: gettext_noop("No access token"),
    Trouble.FOLDER: gettext_noop("No such folder"),
    Trouble.TLS: gettext_noop("Connection not safe"),
    Trouble.NETWORK: gettext_noop("Not reachable"),
    Trouble.PROTOCOL: gettext_noop("Server not understood"),
    Trouble.STORAGE: gettext_noop("Mail cannot be stored"),
    _STALE: gettext_noop("Nobody fetches it"),
}
HINTS: Mapping[str, str] = {
    Trouble.SIGN_IN: gettext_noop("Check user and password; some providers want an app password."),
    Trouble.OAUTH: gettext_noop("The provider gives no access: renew secret or consent, and check client and tenant."),
    Trouble.FOLDER: gettext_noop("Write the folder's name as the server has it, or make the folder there."),
    Trouble.TLS: gettext_noop("The certificate does not fit the name, or there is no STARTTLS. Use its own name."),
    Trouble.NETWORK: gettext_noop("Check host and port, and whether a firewall lets us out. We keep trying."),
    Trouble.PROTOCOL: gettext_noop("Is that an IMAP server? If so, report what it said: nothing is lost meanwhile."),
    Trouble.STORAGE: gettext_noop("Our own database or disk refuses. The mail stays in the mailbox until then."),
    _STALE: gettext_noop("Start `answerback serve`, or `answerback worker receive`."),
}
_PASSWORD = gettext_noop("user:password of the webhook's address, the password with 16 characters or more")
SECRETS: Mapping[str, str] = {
    "brevo": _PASSWORD,
    "mailgun": gettext_noop("The HTTP webhook signing key"),
    "mailjet": _PASSWORD,
    "postmark": _PASSWORD,
    "resend": gettext_noop("The signing secret, whsec_…"),
    "sendgrid": gettext_noop("The verification key of the signed event webhook"),
    "ses": gettext_noop("The ARN of the Amazon SNS topic"),
    "sparkpost": _PASSWORD,
}


class SecretForm(forms.Form):
    secret = forms.CharField(max_length=4000, widget=forms.PasswordInput({"autocomplete": "new-password"}))

    def __init__(self, *args: Any, key: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = key
        dress(self)
        self.fields["secret"].label = _(SECRETS[key])
        self.fields["secret"].help_text = _("It is never shown again. Several with blanks between hold at once.")

    def clean_secret(self) -> str:
        typed = " ".join(str(self.cleaned_data["secret"]).split())
        if webhook_signatures.problem(self._key, typed):
            raise forms.ValidationError(_("This is not what %s proves itself with.") % PROVIDERS[self._key].name)
        return typed


@dataclass(frozen=True)
class Line:
    """A mailbox of the page."""

    row: MailboxState
    state: str
    name: str
    hint: str


@admin_required
def incoming(request: HttpRequest) -> HttpResponse:
    host, port = settings.SMTP_LISTEN
    services = mail_services.services()
    shown = {one.key for one in services}
    context = {
        "smtp": f"{host}:{port}",
        "lmtp": settings.LMTP_LISTEN,
        "lines": mailbox_lines(),
        "are_lines_ours": not mail_settings.is_set_outside(IMAP),
        "services": services,
        "more_services": [(key, one.name) for key, one in PROVIDERS.items() if key not in shown],
    }
    return _page(request, "admin/incoming.html", context)


@admin_required
@sensitive_post_parameters()
def mailbox(request: HttpRequest) -> HttpResponse:
    """The form of a mailbox. `name`: of which, as its line says; "" of a new one."""
    if mail_settings.is_set_outside(IMAP):
        raise Http404
    found = mailboxes.configured()
    old = next((one for one in found if one.name == request.GET.get("name", "")), None)
    if request.method == "POST" and request.POST.get("act") == "remove" and old:
        left = [one for one in found if one is not old]
        return _keep(request, _urls(left), _("Its mail is fetched no longer."))
    form = MailboxForm(request.POST or None, initial=mailbox_form.of(old), old=old, others=found)
    if request.method == "POST" and form.is_valid():
        return _keep(
            request,
            urls_with(form.mailbox(), old),
            _("Saved. We look into it now; how it goes stands beside it in a moment."),
        )
    return _page(request, "admin/mailbox.html", {"form": form, "old": old}, status=422 if form.errors else 200)


@admin_required
@sensitive_post_parameters()
def service(request: HttpRequest, key: str) -> HttpResponse:
    """What proves that a mail service calls: a secret, or several while they are changed."""
    if key not in PROVIDERS:
        raise Http404
    name = f"{mail_settings.EVENTS}{key.upper()}"
    is_ours = not mail_settings.is_set_outside(name)
    form = SecretForm(request.POST or None, key=key)
    if is_ours and request.POST.get("act") == "remove":
        return _keep(request, {name: ""}, _("It is forgotten."))
    if is_ours and request.method == "POST" and form.is_valid():
        return _keep(request, {name: form.cleaned_data["secret"]}, _("Saved. Its calls are believed from now on."))
    set_outside = "" if is_ours else f"{PREFIX}{name}"
    context = {"form": form, "service": mail_services.service(key), "set_outside": set_outside}
    return _page(request, "admin/service.html", context, status=422 if form.errors else 200)


def urls_with(new: Mailbox, old: Mailbox | None = None) -> Mapping[str, str]:
    """The setting with that mailbox too, in the place of `old`."""
    found = mailboxes.configured()
    return _urls([new if one == old else one for one in found] + ([] if old else [new]))


def _urls(wanted: Sequence[Mailbox]) -> Mapping[str, str]:
    return {IMAP: " ".join(map(imap_url.url_of, wanted))}


def _keep(request: HttpRequest, values: Mapping[str, str], words: str) -> HttpResponse:
    mail_settings.change(values)
    messages.success(request, words)
    return redirect(URL)


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, template, context | {"section": "admin", "at": "incoming"}, status=status)


def mailbox_lines() -> list[Line]:
    """How each mailbox goes, here and in the first steps."""
    return [_line(row) for row in mailboxes.states()]


def _line(row: MailboxState) -> Line:
    state = _STALE if mailboxes.is_stale(row) else row.trouble
    return Line(row, state, _(NAMES[state]), _(HINTS[state]) if state in HINTS else "")
