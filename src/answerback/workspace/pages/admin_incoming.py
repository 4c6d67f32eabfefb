"""By which doors mail and outcomes come in: how the mailboxes go that are followed, and what mail services tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.reports import mail_services
from answerback.store import mailboxes
from answerback.store.mailboxes import Trouble
from answerback.store.models import MailboxState
from answerback.workspace.access import admin_required

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
    Trouble.SIGN_IN: gettext_noop(
        "Check user and password in ANSWERBACK_IMAP_URLS; some providers want an app password."
    ),
    Trouble.OAUTH: gettext_noop("The provider gives no access: renew secret or consent, and check client and tenant."),
    Trouble.FOLDER: gettext_noop("Write the folder's name as the server has it, or make the folder there."),
    Trouble.TLS: gettext_noop("The certificate does not fit the name, or there is no STARTTLS. Use its own name."),
    Trouble.NETWORK: gettext_noop("Check host and port, and whether a firewall lets us out. We keep trying."),
    Trouble.PROTOCOL: gettext_noop("Is that an IMAP server? If so, report what it said: nothing is lost meanwhile."),
    Trouble.STORAGE: gettext_noop("Our own database or disk refuses. The mail stays in the mailbox until then."),
    _STALE: gettext_noop("Start `answerback serve`, or `answerback worker receive`."),
}


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
    context = {
        "section": "admin",
        "at": "incoming",
        "smtp": f"{host}:{port}",
        "lmtp": settings.LMTP_LISTEN,
        "lines": [_line(row) for row in mailboxes.states()],
        "services": mail_services.services(),
    }
    return render(request, "admin/incoming.html", context)


def _line(row: MailboxState) -> Line:
    state = _STALE if mailboxes.is_stale(row) else row.trouble
    return Line(row, state, _(NAMES[state]), _(HINTS[state]) if state in HINTS else "")
