"""Mail that became no ticket: what somebody must look at, what waits apart as spam, and whose mail does.

A person makes a ticket of it, lets it in, ignores or deletes it; blocks senders and lets them write again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from answerback.desk.arriving import intake, mail_reasons
from answerback.people import blocked_senders
from answerback.store import dismiss, raw
from answerback.store.blobs import MissingBlobError
from answerback.store.models import RawMail
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages.sign_in import safe_next
from mailroom import message

LISTED = 50
READ = 65536  # octets of a mail that its line in the list is read from


@dataclass(frozen=True)
class Item:
    mail: RawMail
    subject: str
    sender: str
    reason: str
    detail: str
    ends_at: datetime


@agent_required
def unprocessed(request: HttpRequest) -> HttpResponse:
    return render(request, "unprocessed/page.html", _page(request, dismiss.waiting()))


@agent_required
def suspended(request: HttpRequest) -> HttpResponse:
    return render(request, "unprocessed/suspended.html", _page(request, dismiss.apart()))


@agent_required
def blocked(request: HttpRequest) -> HttpResponse:
    """`sender` of a POST is blocked; a refused one stays in its field."""
    typed = request.POST.get("sender", "").strip()
    problem = ""
    if request.method == "POST":
        try:
            row = blocked_senders.block(typed, account_of(request))
        except blocked_senders.NotBlockableError:
            problem = _("Write an address, or a domain as @example.com. Colleagues cannot be blocked.")
        else:
            messages.success(request, _("Mail from %s waits apart from now on.") % row.pattern)
            return redirect("/mail/blocked")
    context = {
        "section": "unprocessed",
        "rows": blocked_senders.everybody().order_by("-since", "-id"),
        "typed": typed,
        "problem": problem,
    }
    return render(request, "unprocessed/blocked.html", context, status=422 if problem else 200)


@agent_required
@require_POST
def unblock(request: HttpRequest) -> HttpResponse:
    pattern = request.POST.get("sender", "")
    if blocked_senders.unblock(pattern):
        messages.success(request, _("Mail from %s becomes tickets again.") % pattern)
    return redirect("/mail/blocked")


@agent_required
@require_POST
def delete_selected(request: HttpRequest) -> HttpResponse:
    chosen = [int(number) for number in request.POST.getlist("mails") if number.isdecimal()]
    count = dismiss.dismiss(chosen, RawMail.State.DELETED)
    if count:
        messages.success(request, ngettext("%d mail deleted.", "%d mails deleted.", count) % count)
    return redirect("/mail/suspended")


@agent_required
@require_POST
def act(request: HttpRequest, raw_mail_id: int) -> HttpResponse:
    match request.POST.get("act"):
        case "ticket":
            return _make_ticket(request, raw_mail_id)
        case "recover":
            return _recover(request, raw_mail_id)
        case "delete":
            done = dismiss.dismiss([raw_mail_id], RawMail.State.DELETED)
        case _:
            done = dismiss.dismiss([raw_mail_id], RawMail.State.IGNORED)
    if not done:
        messages.warning(request, _("Somebody else has seen to this mail already."))
    return _back(request)


def _make_ticket(request: HttpRequest, raw_mail_id: int) -> HttpResponse:
    try:
        ticket = intake.make_ticket(raw_mail_id, account_of(request))
    except (intake.NoTicketPossibleError, RawMail.DoesNotExist):
        messages.error(request, _("No ticket can be made of this mail."))
        return _back(request)
    return redirect(f"/tickets/{ticket.pk}")


def _recover(request: HttpRequest, raw_mail_id: int) -> HttpResponse:
    """Let it in; a mail that its sender's block held lets the sender in as well."""
    reason = RawMail.objects.values_list("reason", flat=True).filter(pk=raw_mail_id).first() or ""
    try:
        ticket_id = intake.recover(raw_mail_id)
    except intake.NoTicketPossibleError:
        messages.error(request, _("No ticket can be made of this mail."))
        return _back(request)
    if mail_reasons.word_of(reason) == "blocked" and blocked_senders.unblock(pattern := mail_reasons.detail_of(reason)):
        messages.success(request, _("Mail from %s becomes tickets again.") % pattern)
    return redirect(f"/tickets/{ticket_id}")


def _back(request: HttpRequest) -> HttpResponse:
    return redirect(safe_next(request, "/mail/unprocessed"))


def _page(request: HttpRequest, rows: QuerySet[RawMail]) -> dict[str, Any]:
    before = request.GET.get("before", "")
    if before.isdigit():
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: LISTED + 1])
    return {
        "items": _items(found[:LISTED]),
        "older": found[LISTED - 1].pk if len(found) > LISTED else 0,
        "section": "unprocessed",
    }


def _items(rows: Sequence[RawMail]) -> list[Item]:
    return [_item(row) for row in rows]


def _item(row: RawMail) -> Item:
    try:
        mail = message.parse(raw.content(row)[:READ])
        subject, sender = mail.subject, mail.header("From")
    except MissingBlobError:
        subject = sender = ""
    return Item(
        row,
        subject,
        sender or row.envelope_from,
        mail_reasons.describe(row.reason),
        mail_reasons.detail_of(row.reason),
        dismiss.ends_at(row),
    )
