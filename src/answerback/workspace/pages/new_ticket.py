"""A ticket that an agent opens: mailed to the requester and the CCs, or only noted."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from answerback.desk import new_ticket as desk_new_ticket
from answerback.desk import reply as desk_reply
from answerback.people import accounts, identities
from answerback.people.identities import BadAddressError
from answerback.people.models import Account, Group, Person
from answerback.tickets import addresses as support_addresses
from answerback.tickets.changes import NewTicket
from answerback.tickets.models import Comment, SupportAddress, Ticket
from answerback.workspace import words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages import composing
from answerback.workspace.pages.composing import TooLargeError
from mailroom import address as addresses

PLAIN_FIELDS = (
    "requester",
    "requester_name",
    "cc",
    "subject",
    "text",
    "status",
    "support_address",
    "assignee",
    "group",
)


@agent_required
def new_ticket(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, _beginning(request))
    try:
        asked = _read(request, account_of(request))
    except ValidationError as error:
        return _form(request, _typed(request), error.messages[0])
    except TooLargeError:
        problem = _("These files are too large for a mail (the limit is %s). Your text is still here.")
        return _form(request, _typed(request), problem % filesizeformat(composing.file_limit()))
    audit = desk_new_ticket.open_ticket(asked)
    messages.success(request, _("Ticket #%d has been opened.") % audit.ticket_id)
    return redirect(f"/tickets/{audit.ticket_id}")


def _read(request: HttpRequest, by: Account) -> NewTicket:
    """What was typed, as a ticket. ValidationError with the sentence for the agent."""
    data = request.POST
    text, subject = data.get("text", ""), " ".join(data.get("subject", "").split())
    if not text.strip():
        raise ValidationError(_("Write something first, or attach a file."))
    if not subject:
        raise ValidationError(_("A ticket needs a subject."))
    address = _support_address(data.get("support_address", ""))
    ccs = [_person(one.spec, one.name) for one in addresses.parse_addresses(data.get("cc", "").replace(";", ","))]
    reply = desk_reply.Reply(
        text=text, public=data.get("public", "1") == "1", attachments=composing.store_files(request)
    )
    return NewTicket(
        subject=subject,
        requester=_person(data.get("requester", ""), data.get("requester_name", "")),
        submitter=by.person,
        support_address=address,
        via="web",
        comment=desk_reply.comment_of(by.person, reply),
        status=data.get("status", "") if data.get("status") in composing.SEND_AS else Ticket.Status.OPEN,
        assignee=_row(Account, data.get("assignee", "")),
        group=_row(Group, data.get("group", "")),
        ccs=ccs,
        follow_up_of=_row(Ticket, data.get("follow", "")),
    )


def _person(address: str, name: str = "") -> Person:
    try:
        return identities.find_or_create(address.strip(), name.strip()).person
    except BadAddressError:
        raise ValidationError(_("“%s” is not an e-mail address.") % address) from None


def _support_address(pk: str) -> SupportAddress:
    row = _row(SupportAddress, pk) or support_addresses.default_support_address()
    if row is None:
        raise ValidationError(_("There is no support address yet: an administrator has to add one."))
    return row


def _row(model: Any, pk: str) -> Any:
    return model.objects.filter(pk=int(pk)).first() if pk.isdigit() else None


def _beginning(request: HttpRequest) -> dict[str, Any]:
    """An empty form; `requester=PERSON` or `follow=TICKET` fill what is known, `missed=COMMENT` what did not arrive."""
    account = account_of(request)
    typed: dict[str, Any] = {"assignee": str(account.pk), "status": composing.DEFAULT_SEND_AS, "public": "1"}
    person = _row(Person, request.GET.get("requester", ""))
    if before := _row(Ticket, request.GET.get("follow", "")):
        person = before.requester
        typed |= {
            "subject": before.subject,
            "follow": str(before.pk),
            "support_address": str(before.support_address_id),
            "text": _missed_text(before, request.GET.get("missed", "")),
        }
    if person and (identity := identities.primary_of(person)):
        typed |= {"requester": identity.address, "requester_name": person.name}
    return typed


def _missed_text(before: Ticket, comment_id: str) -> str:
    """The public answer of that ticket which is to be sent once more; "" where it is none."""
    comment = _row(Comment, comment_id)
    return comment.text if comment and comment.ticket_id == before.pk and comment.public else ""


def _typed(request: HttpRequest) -> dict[str, Any]:
    names = (*PLAIN_FIELDS, "public", "follow")
    return {name: request.POST.get(name, "") for name in names}


def _form(request: HttpRequest, typed: dict[str, Any], problem: str = "") -> HttpResponse:
    context = {
        "typed": typed,
        "problem": problem,
        "support_addresses": list(SupportAddress.objects.filter(active=True).order_by("-default", "address")),
        "agents": accounts.agents(),
        "groups": list(Group.objects.order_by("name")),
        "send_as": [(key, words.status_name(key)) for key in composing.SEND_AS],
        "file_limit": filesizeformat(composing.file_limit()),
        "signature": account_of(request).signature,
    }
    return render(request, "tickets/new.html", context)
