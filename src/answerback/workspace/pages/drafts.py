"""What agents have not sent yet: saved while they type, taken back, thrown away."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.core import clock
from answerback.desk.composing import drafts, submitting
from answerback.desk.models import Draft
from answerback.tickets.models import Ticket
from answerback.workspace import conversation, drafting, mail_preview
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages import composing

LOOK_AGAIN = "2"  # seconds: where no script runs
log = logging.getLogger(__name__)


@agent_required
@require_POST
def save(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """Keep what was typed. Answers which draft it is now, which version of it, and what the page says about that."""
    if number is not None and not Ticket.objects.filter(pk=number).exists():
        raise Http404
    account = account_of(request)
    try:
        saved = drafts.keep(account, number, drafting.written(request), *drafting.place(request))
    except DatabaseError:
        log.exception("a draft for ticket %s could not be stored", number)
        return JsonResponse({}, status=503)
    typed = drafting.typed_of(saved.draft) if saved.draft else drafting.Typed()
    unsent = [draft for draft in drafts.of_ticket(number, account) if draft.send_at is None]
    context = {
        "typed": typed,
        "other_drafts": [drafting.other(draft) for draft in unsent if draft.pk != typed.draft_id],
        "overtaken": saved.draft is not None and saved.other is not None,
        "ticket_id": number,
    }
    said = render_to_string("tickets/_draft_state.html", context, request)
    return JsonResponse({"draft": typed.draft_id, "version": typed.version, "said": said})


@agent_required
@require_POST
def preview(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """Who would be mailed what, if this were sent now: a card."""
    account, writing = account_of(request), drafting.written(request)
    trial = Draft(account=account, ticket_id=number, **drafts.values(writing))
    context: dict[str, object] = {"public": writing.public}
    try:
        use_case = submitting.try_out(trial)
        context["previews"] = mail_preview.of(use_case, number, drafts.files(writing.files, account))
    except submitting.FAILURES as error:
        context["problem"] = drafting.problem_text(submitting.problem_of(error), error)
    context["fates"] = {str(fate): _(words) for fate, words in mail_preview.FATES.items()}
    return render(request, "tickets/preview.html", context)


@agent_required
def draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Where a ticket that is about to be opened waits; leads on as soon as there is something to lead to."""
    found = _find(request, draft_id)
    if found.send_at is None or found.sent_at is not None:
        return _lead(request, _place_of(found))
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)
    context = {"one": drafting.waiting(found, clock.now()), "draft": found}
    response = render(request, "tickets/draft_waiting.html", context)
    response.headers["Refresh"] = LOOK_AGAIN
    return response


@agent_required
@require_POST
def undo(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Take it back into the composer."""
    found = drafts.undo(draft_id, account_of(request))
    if found is None:
        messages.warning(request, _("It has been sent already."))
        return _lead(request, _place_of(_find(request, draft_id)))
    return _composer(request, found)


@agent_required
@require_POST
def discard(request: HttpRequest, draft_id: int) -> HttpResponse:
    found = _find(request, draft_id)
    drafts.discard(draft_id, account_of(request))
    if found.ticket_id is None:
        return _lead(request, "/tickets/new")
    return _composer(request, None, found.ticket_id)


def _find(request: HttpRequest, draft_id: int) -> Draft:
    found = drafts.find(draft_id, account_of(request))
    if found is None:
        raise Http404
    return found


def _composer(request: HttpRequest, found: Draft | None, ticket_id: int | None = None) -> HttpResponse:
    number = found.ticket_id if found else ticket_id
    ticket = conversation.find_ticket(number) if number else None
    if ticket is None or not request.headers.get("HX-Request"):
        return _lead(request, _place_of(found) if found else f"/tickets/{number}")
    response = composing.show(request, ticket, drafting.typed_of(found) if found else None)
    response.headers["HX-Trigger-After-Settle"] = "composer-opened"
    return response


def _place_of(found: Draft) -> str:
    return f"/tickets/{found.ticket_id}" if found.ticket_id else f"/tickets/new?draft={found.pk}"


def _lead(request: HttpRequest, url: str) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        return redirect(url)
    return HttpResponse(status=204, headers={"HX-Redirect": url})
