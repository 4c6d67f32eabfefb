"""“Mail not turned into tickets”: what it is, why, and what a person may do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk import intake, mail_reasons
from answerback.store import dismiss, raw
from answerback.store.blobs import MissingBlobError
from answerback.store.models import RawMail
from answerback.workspace.access import account_of, agent_required
from mailroom import message

LISTED = 50


@dataclass(frozen=True)
class Item:
    mail: RawMail
    subject: str
    sender: str
    reason: str


@agent_required
def unprocessed(request: HttpRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    rows = RawMail.objects.filter(state__in=dismiss.WAITING).select_related("blob").order_by("-id")
    if before.isdigit():
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: LISTED + 1])
    context = {
        "items": _items(found[:LISTED]),
        "older": found[LISTED - 1].pk if len(found) > LISTED else 0,
        "section": "unprocessed",
    }
    return render(request, "unprocessed/page.html", context)


@agent_required
@require_POST
def act(request: HttpRequest, raw_mail_id: int) -> HttpResponse:
    match request.POST.get("act"):
        case "ticket":
            return _make_ticket(request, raw_mail_id)
        case "delete":
            done = dismiss.dismiss(raw_mail_id, RawMail.State.DELETED)
        case _:
            done = dismiss.dismiss(raw_mail_id, RawMail.State.IGNORED)
    if not done:
        messages.warning(request, _("Somebody else has seen to this mail already."))
    return redirect("/mail/unprocessed")


def _make_ticket(request: HttpRequest, raw_mail_id: int) -> HttpResponse:
    try:
        ticket = intake.make_ticket(raw_mail_id, account_of(request))
    except (intake.NoTicketPossibleError, RawMail.DoesNotExist):
        messages.error(request, _("No ticket can be made of this mail."))
        return redirect("/mail/unprocessed")
    return redirect(f"/tickets/{ticket.pk}")


def _items(rows: Sequence[RawMail]) -> list[Item]:
    return [_item(row) for row in rows]


def _item(row: RawMail) -> Item:
    try:
        mail = message.parse(raw.content(row)[:65536])
        subject, sender = mail.subject, mail.header("From")
    except MissingBlobError:
        subject = sender = ""
    return Item(row, subject, sender or row.envelope_from, mail_reasons.describe(row.reason))
