"""Merging two customers: find the other one, look at both side by side, do it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.desk.merging import merge_people
from answerback.people.merging import CannotMergeError
from answerback.people.models import Person
from answerback.workspace.access import account_of, agent_required

PROBLEMS = {
    "itself": gettext_noop("A person cannot be merged with themselves."),
    "agent": gettext_noop("People who sign in here cannot be merged into somebody else."),
    "erased": gettext_noop("The data of one of them has been erased."),
    "merged": gettext_noop("One of them has been merged already."),
}


@agent_required
def merge(request: HttpRequest, person_id: int) -> HttpResponse:
    """The search; with `into`, both side by side; a POST does it. `ticket`: where the agent came from and goes back."""
    person = get_object_or_404(Person, pk=person_id)
    ticket = _ticket_of(request)
    into = request.POST.get("into") or request.GET.get("into", "")
    if not into.isdecimal():
        text = request.GET.get("q", "").strip()
        found = merge_people.search(person, text) if text else merge_people.lookalikes(person)
        context = {"person": person, "typed": text, "candidates": [merge_people.side(one) for one in found]}
        return render(request, "customers/merge_choose.html", context)
    survivor = get_object_or_404(Person, pk=int(into))
    if request.method == "POST":
        return _merge(request, person, survivor, f"/tickets/{ticket}" if ticket else f"/customers/{survivor.pk}")
    context = {
        "person": person,
        "ticket_id": ticket,
        "goes": merge_people.side(person),
        "stays": merge_people.side(survivor),
    }
    return render(request, "customers/merge_confirm.html", context)


def _ticket_of(request: HttpRequest) -> int | None:
    number = request.POST.get("ticket") or request.GET.get("ticket", "")
    return int(number) if number.isdecimal() and len(number) < 18 else None


def _merge(request: HttpRequest, person: Person, survivor: Person, back: str) -> HttpResponse:
    try:
        merge_people.merge(person.pk, survivor.pk, account_of(request))
    except CannotMergeError as error:
        messages.error(request, _(PROBLEMS[error.problem]))
        return redirect(f"/customers/{person.pk}")
    except Person.DoesNotExist:
        raise Http404 from None
    names = {"name": person.name, "into": survivor.name}
    messages.success(request, _("%(name)s is merged into the profile of %(into)s.") % names)
    return redirect(back)
