"""Merging tickets: find the one that stays, look at both side by side, say what the comments say, and do it.

`/tickets/N/merge` is about one ticket, `/tickets/merge?ids=…` about several chosen in a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.desk.merging import merge_tickets
from answerback.desk.merging.merge_tickets import CannotMergeError, Wording
from answerback.search import find, query
from answerback.tickets.models import Comment, Ticket
from answerback.workspace import conversation
from answerback.workspace.access import account_of, agent_required

CANDIDATES = 15
FOUND_MOST = 500  # hits of a search that are looked at
PROBLEMS = {
    "nothing": gettext_noop("Choose at least one ticket to merge."),
    "itself": gettext_noop("A ticket cannot be merged into itself."),
    "too_many": gettext_noop("At most 50 tickets can be merged at once."),
    "gone": gettext_noop("One of these tickets does not exist."),
    "closed": gettext_noop("One of these tickets is closed by now and cannot be merged."),
    "target_closed": gettext_noop("The ticket that was to stay is closed by now. Choose another one."),
}


@dataclass(frozen=True)
class Side:
    """One of the tickets on the confirmation page."""

    ticket: Ticket
    comments: int
    last: Comment | None


@agent_required
def merge(request: HttpRequest, number: int = 0) -> HttpResponse:
    """The search; with `into`, the confirmation; a POST does it."""
    numbers = _numbers(request, number)
    into = request.POST.get("into") or request.GET.get("into", "")
    if not into.isdecimal():
        return _choose(request, number, numbers)
    target = conversation.find_ticket(int(into))
    others = [ticket for ticket in _tickets(numbers) if ticket.pk != int(into)]
    if target is None or not others:
        problem = "gone" if target is None else "itself"
        messages.error(request, _(PROBLEMS[problem]))
        return _choose(request, number, numbers)
    if request.method == "POST":
        return _merge(request, number, target, others)
    return _confirm(request, number, target, others)


def _merge(request: HttpRequest, number: int, target: Ticket, others: Sequence[Ticket]) -> HttpResponse:
    suggested = merge_tickets.suggest_wording(target, others)
    wording = Wording(
        on_target=request.POST.get("on_target", "").strip() or suggested.on_target,
        on_others=request.POST.get("on_others", "").strip() or suggested.on_others,
        target_public="target_public" in request.POST,
        others_public="others_public" in request.POST,
    )
    ccs = {int(pk) for pk in request.POST.getlist("ccs") if pk.isdecimal()}
    try:
        merge_tickets.merge([other.pk for other in others], target.pk, account_of(request), wording, ccs)
    except CannotMergeError as error:
        messages.error(request, _(PROBLEMS[error.problem]))
        return redirect(f"/tickets/{number or target.pk}")
    said = _("%(numbers)s merged into this ticket.")
    messages.success(request, said % {"numbers": ", ".join(f"#{other.pk}" for other in others)})
    return redirect(f"/tickets/{target.pk}")


def _choose(request: HttpRequest, number: int, numbers: Sequence[int]) -> HttpResponse:
    tickets = _tickets(numbers)
    if not tickets:
        raise Http404
    text = request.GET.get("q", "").strip()
    context = {
        "number": number,
        "tickets": tickets,
        "typed": text,
        "among": tickets if len(tickets) > 1 else [],
        "candidates": _found(request, text, numbers) if text else _of_requesters(tickets),
        "mergeable": all(ticket.status != Ticket.Status.CLOSED for ticket in tickets),
    }
    return render(request, "tickets/merge_choose.html", context)


def _confirm(request: HttpRequest, number: int, target: Ticket, others: Sequence[Ticket]) -> HttpResponse:
    context = {
        "number": number,
        "target": _side(target),
        "others": [_side(other) for other in others],
        "newcomers": merge_tickets.newcomers(target, others),
        "wording": merge_tickets.suggest_wording(target, others),
        "mergeable": all(ticket.status != Ticket.Status.CLOSED for ticket in (target, *others)),
    }
    return render(request, "tickets/merge_confirm.html", context)


def _numbers(request: HttpRequest, number: int) -> list[int]:
    given = request.POST.getlist("ids") or request.GET.getlist("ids") or request.POST.getlist("tickets")
    numbers = [int(part) for text in given for part in text.split(",") if part.isdecimal() and len(part) < 18]
    return [number] if number else list(dict.fromkeys(numbers))[: merge_tickets.MOST + 1]


def _tickets(numbers: Sequence[int]) -> list[Ticket]:
    return list(_listed(Ticket.objects.filter(pk__in=numbers)).order_by("pk"))


def _of_requesters(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Open conversations of the same people: what is mostly meant."""
    rows = Ticket.objects.filter(requester__in=[ticket.requester_id for ticket in tickets])
    return _may_stay(rows, [ticket.pk for ticket in tickets])


def _found(request: HttpRequest, text: str, numbers: Sequence[int]) -> list[Ticket]:
    found = find.tickets(query.parse(text, account_of(request)), FOUND_MOST)
    return _may_stay(Ticket.objects.filter(pk__in=found.values_list("pk", flat=True)), numbers)


def _may_stay(rows: QuerySet[Ticket], but: Sequence[int]) -> list[Ticket]:
    rows = rows.exclude(pk__in=but).exclude(status=Ticket.Status.CLOSED)
    return list(_listed(rows).order_by("-updated_at", "-id")[:CANDIDATES])


def _listed(rows: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return rows.select_related("requester", "assignee__person")


def _side(ticket: Ticket) -> Side:
    comments = Comment.objects.filter(ticket=ticket)
    return Side(ticket, comments.count(), comments.select_related("author").order_by("-id").first())
