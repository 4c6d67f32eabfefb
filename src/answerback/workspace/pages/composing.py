"""The composer: a public answer or an internal note on a ticket, and a new ticket. An error keeps the agent's text."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk import reply as desk_reply
from answerback.desk import uploads
from answerback.people.models import Account
from answerback.tickets.changes import UNSET, NewAttachment, Unset
from answerback.tickets.models import Attachment, Ticket
from answerback.tickets.update import TicketClosedError
from answerback.workspace import conversation, prefill, words
from answerback.workspace.access import account_of, agent_required

SEND_AS = ("open", "pending", "solved")
DEFAULT_SEND_AS = "pending"
ENVELOPE_SHARE = 0.72  # what base64 and headers leave of a message for files


log = logging.getLogger(__name__)


class TooLargeError(ValueError):
    """The files together do not fit into a mail."""


@dataclass
class Typed:
    """What stands in the composer."""

    text: str = ""
    public: bool = True
    problem: str = ""
    kept: Sequence[Attachment] = ()  # files of an earlier comment that go out again
    replaces: Sequence[int] = field(default_factory=list)  # failed deliveries this answers anew
    as_links: bool = False  # files are to be fetched from us instead of going along


def context_of(ticket: Ticket, account: Account, typed: Typed | None = None) -> dict[str, Any]:
    return {
        "typed": typed or Typed(),
        "send_as": [(key, words.status_name(key)) for key in SEND_AS],
        "default_send_as": DEFAULT_SEND_AS,
        "signature": account.signature,
        "file_limit": filesizeformat(file_limit()),
        "file_limit_bytes": file_limit(),
        "link_days": settings.FILE_LINK_LIFETIME // 86400,
        "closed": ticket.status == Ticket.Status.CLOSED,
    }


@agent_required
def composer(request: HttpRequest, number: int) -> HttpResponse:
    """The empty composer, or with what `prefill` reads from the address: an answer that did not arrive."""
    ticket = _find(number)
    filled = prefill.of(ticket, request.GET)
    typed = Typed(filled.text, kept=filled.files, replaces=filled.replaces, as_links=filled.as_links)
    return _render(request, ticket, typed)


@agent_required
@require_POST
def reply(request: HttpRequest, number: int) -> HttpResponse:
    ticket = _find(number)
    typed = _read(request, ticket)
    try:
        desk_reply.reply(number, _reply_of(request, typed), account_of(request))
    except desk_reply.EmptyCommentError:
        typed.problem = _("Write something first, or attach a file.")
    except TicketClosedError:
        typed.problem = _("This ticket was closed meanwhile. Copy your text and open a new ticket for it.")
    except TooLargeError:
        typed.problem = _("These files are too large for a mail (the limit is %s). Your text is still here.") % (
            filesizeformat(file_limit())
        )
    except (OSError, DatabaseError):
        log.exception("the comment on ticket %s could not be stored", number)
        typed.problem = _("Your comment could not be stored. It stands here unchanged; please try again.")
    return _refused(request, ticket, typed) if typed.problem else _done(request, number)


def file_limit() -> int:
    """Octets of files that still fit into a message of the allowed size."""
    return int(settings.MAX_MESSAGE_SIZE * ENVELOPE_SHARE)


def store_files(request: HttpRequest, as_links: bool = False) -> list[NewAttachment]:
    """The uploaded files, stored. TooLargeError. Links are as large as a request may be."""
    files: list[UploadedFile] = request.FILES.getlist("files")
    if not as_links and sum(file.size or 0 for file in files) > file_limit():
        raise TooLargeError
    return [uploads.keep(file.read(), file.name or _("file"), file.content_type or "") for file in files]


def _find(number: int) -> Ticket:
    ticket = conversation.find_ticket(number)
    if ticket is None:
        raise Http404
    return ticket


def _read(request: HttpRequest, ticket: Ticket) -> Typed:
    replaces = [int(pk) for pk in request.POST.getlist("replaces") if pk.isdigit()]
    return Typed(
        text=request.POST.get("text", ""),
        public=request.POST.get("public", "1") == "1",
        kept=prefill.kept(ticket, request.POST.getlist("keep"), replaces),
        replaces=replaces,
        as_links="as_links" in request.POST,
    )


def _reply_of(request: HttpRequest, typed: Typed) -> desk_reply.Reply:
    again = [NewAttachment(file.blob, file.file_name, file.content_type) for file in typed.kept]
    return desk_reply.Reply(
        text=typed.text,
        public=typed.public,
        attachments=[*again, *store_files(request, typed.as_links)],
        status=_status(request, typed.public),
        replaces=typed.replaces,
        files_as_links=typed.as_links,
    )


def _status(request: HttpRequest, public: bool) -> str | Unset:
    status = request.POST.get("status", DEFAULT_SEND_AS if public else "")
    return status if status in SEND_AS else UNSET


def _render(request: HttpRequest, ticket: Ticket, typed: Typed) -> HttpResponse:
    """The composer alone where a script asked, on a page of its own where none runs."""
    requester, ccs = conversation.recipients(ticket)
    context = {"ticket": ticket, "requester": requester, "ccs": ccs}
    context |= context_of(ticket, account_of(request), typed)
    alone = request.headers.get("HX-Request")
    return render(request, "tickets/_composer.html" if alone else "tickets/composer_page.html", context)


def _refused(request: HttpRequest, ticket: Ticket, typed: Typed) -> HttpResponse:
    """Only the problem, where a script asked: text and chosen files stay in the form, which no answer could refill."""
    ticket.refresh_from_db(fields=["status"])
    if not request.headers.get("HX-Request") or ticket.status == Ticket.Status.CLOSED:
        if request.FILES:
            typed.problem += " " + _("Please choose your files again.")
        return _render(request, ticket, typed)
    response = render(request, "tickets/_composer_problem.html", {"typed": typed})
    response.headers["HX-Retarget"] = "#composer-problem"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _done(request: HttpRequest, number: int) -> HttpResponse:
    """The fresh composer, and the changed parts of the page with the new comment."""
    if not request.headers.get("HX-Request"):
        return redirect(f"/tickets/{number}")
    response = composer(request, number)
    assert isinstance(response, HttpResponse)
    response.headers["HX-Trigger"] = "composer-sent"
    return response
