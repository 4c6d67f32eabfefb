"""The composer: a public answer or an internal note on a ticket. An error keeps the agent's text."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.core import clock
from answerback.desk.composing import drafts, file_size, submitting, uploads
from answerback.desk.composing.drafts import Writing
from answerback.desk.composing.submitting import Problem
from answerback.desk.models import Draft
from answerback.people import accounts
from answerback.people.models import Account
from answerback.tickets.models import Comment, Ticket
from answerback.workspace import conversation, drafting, macro_words, prefill
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.conversation import Recipient
from answerback.workspace.drafting import DEFAULT_SEND_AS, SEND_AS, Typed

log = logging.getLogger(__name__)


def context_of(
    ticket: Ticket, account: Account, recipients: Sequence[Recipient], typed: Typed | None = None
) -> dict[str, Any]:
    """What the composer shows: what is typed, else the agent's newest draft; beside it other drafts, and what waits."""
    own = drafts.of_ticket(ticket.pk, account)
    unsent = [draft for draft in own if draft.send_at is None]
    if typed is None:
        typed = drafting.typed_of(unsent[0]) if unsent else Typed()
    typed.seen = typed.seen or drafting.begun(ticket)
    now = clock.now()
    applied = macro_words.applied(typed.fields.get("macro", ""), account)
    send_as = next((chip.status for chip in reversed(applied) if chip.status in SEND_AS), DEFAULT_SEND_AS)
    most = file_size.limit([one.address for one in recipients if one.confirmed])
    return {
        "typed": typed,
        "other_drafts": [drafting.other(draft) for draft in unsent if draft.pk != typed.draft_id],
        "waiting": [drafting.waiting(draft, now) for draft in reversed(own) if draft.send_at],
        "send_as": send_as,
        "send_label": _(SEND_AS[send_as]),
        "applied": applied,
        "signature": account.signature,
        "file_limit": filesizeformat(most),
        "file_limit_bytes": most,
        "link_days": settings.FILE_LINK_LIFETIME // 86400,
        "nobody": bool(recipients) and all(one.reach.is_dead for one in recipients if one.confirmed),
        "closed": ticket.status == Ticket.Status.CLOSED,
    }


@agent_required
def composer(request: HttpRequest, number: int) -> HttpResponse:
    """The composer with the newest draft, with `draft=ID`, or with what `prefill` reads from the address."""
    ticket = _find(number)
    if {"again", "missed"} & set(request.GET):
        return show(request, ticket, drafting.typed_from_prefill(prefill.of(ticket, request.GET)))
    wanted = request.GET.get("draft", "")
    draft = drafts.find(int(wanted), account_of(request)) if wanted.isdecimal() else None
    return show(request, ticket, drafting.typed_of(draft) if draft and draft.ticket_id == number else None)


@agent_required
@require_POST
def reply(request: HttpRequest, number: int) -> HttpResponse:
    """Keep what was typed as a draft, and send that: in some seconds, or at once where nothing is to be undone."""
    ticket = _find(number)
    if newer := drafting.answered_meanwhile(ticket, drafting.written(request), account_of(request)):
        return _look_first(request, ticket, newer)
    writing, draft, problem = keep_and_send(request, number)
    if not problem:
        return _done(request, ticket)
    typed = drafting.typed_of(draft) if draft else drafting.typed_from(writing, account_of(request))
    typed.problem = problem
    return _refused(request, ticket, typed)


def _look_first(request: HttpRequest, ticket: Ticket, newer: Comment) -> HttpResponse:
    """Somebody else answered since the writing began: keep it, and let the agent look before they send."""
    account, writing = account_of(request), replace(drafting.written(request), seen_comment_id=newer.pk)
    writing = replace(writing, files=[*writing.files, *store_files(request)])
    draft = drafts.keep(account, ticket.pk, writing, *drafting.place(request)).draft
    typed = drafting.typed_of(draft) if draft else drafting.typed_from(writing, account)
    typed.problem = _("%s answered meanwhile: look first, then send again.") % newer.author.name
    return _refused(request, ticket, typed)


def keep_and_send(request: HttpRequest, number: int | None) -> tuple[Writing, Draft | None, str]:
    """What was typed, the draft it stands in, and the sentence about why it was not sent, "" where it was."""
    account, writing = account_of(request), drafting.written(request)
    draft = None
    try:
        writing = replace(writing, files=[*writing.files, *store_files(request)])
        draft = drafts.keep(account, number, writing, *drafting.place(request)).draft
        submitting.send(draft, accounts.undo_seconds(account))
    except submitting.FAILURES as error:
        problem = submitting.problem_of(error)
        if problem == Problem.NOT_STORED:
            log.exception("what was written for ticket %s could not be stored", number)
        return writing, draft, drafting.problem_text(problem, error)
    return writing, draft, ""


def store_files(request: HttpRequest) -> list[str]:
    """The files that came with the form, where no script sent them ahead: stored, their tokens. OSError."""
    files: list[UploadedFile] = request.FILES.getlist("files")
    rows = [
        uploads.receive(account_of(request), file.read(), file.name or _("file"), file.content_type or "")
        for file in files
    ]
    return [row.token for row in rows]


def show(request: HttpRequest, ticket: Ticket, typed: Typed | None = None) -> HttpResponse:
    """The composer alone where a script asked, on a page of its own where none runs."""
    requester, ccs = conversation.recipients(ticket)
    context = {"ticket": ticket, "requester": requester, "ccs": ccs}
    context |= context_of(ticket, account_of(request), [requester, *ccs], typed)
    if not request.headers.get("HX-Request"):
        return render(request, "tickets/composer_page.html", context)
    return render(request, "tickets/_composer_and_waiting.html", context)


def _find(number: int) -> Ticket:
    ticket = conversation.find_ticket(number)
    if ticket is None:
        raise Http404
    return ticket


def _refused(request: HttpRequest, ticket: Ticket, typed: Typed) -> HttpResponse:
    """Only the problem, where a script asked: the text stays in the field as it is, with the caret in it."""
    ticket.refresh_from_db(fields=["status"])
    if not request.headers.get("HX-Request") or ticket.status == Ticket.Status.CLOSED or request.FILES:
        return show(request, ticket, typed)
    response = render(request, "tickets/_composer_refused.html", {"typed": typed})
    response.headers["HX-Retarget"] = "#composer-problem"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _done(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """The fresh composer, and what waits to be sent; the page fetches a new comment by itself."""
    if not request.headers.get("HX-Request"):
        return redirect(f"/tickets/{ticket.pk}")
    response = show(request, _find(ticket.pk))
    response.headers["HX-Trigger"] = "composer-sent"
    return response
