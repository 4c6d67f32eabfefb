"""A customer's profile: plain facts, addresses with their deliverability, mail sent to them, tickets."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk.merging import merge_people
from answerback.people import identities, merging, profiles
from answerback.people.identities import AddressTakenError, BadAddressError
from answerback.people.models import Account, Identity, Organization, Person
from answerback.tickets.models import Ticket
from answerback.workspace import each_delivery, words
from answerback.workspace.access import account_of, agent_required

HISTORY = 30
TICKETS = 30


@agent_required
def customer(request: HttpRequest, person_id: int) -> HttpResponse:
    """The profile; of somebody who was merged, the profile of whom they are now. `before`: older mail to them."""
    person = _find(person_id)
    survivor = merging.survivor_of(person)
    if survivor != person:
        return redirect(f"/customers/{survivor.pk}")
    return render(request, "customers/page.html", _context(person, request.GET.get("before", "")))


@agent_required
@require_POST
def edit(request: HttpRequest, person_id: int) -> HttpResponse:
    person = _find(person_id)
    asked = {name: request.POST.get(name, "") for name in ("name", "phone", "notes", "language", "organization")}
    profiles.edit(person, **asked)
    messages.success(request, _("Saved."))
    return redirect(f"/customers/{person_id}")


@agent_required
@require_POST
def change_identity(request: HttpRequest, person_id: int) -> HttpResponse:
    """`act`: add, correct, primary or deliverable."""
    person, by = _find(person_id), account_of(request)
    address = request.POST.get("address", "").strip()
    try:
        _change(request, person, by, address)
    except BadAddressError:
        messages.error(request, _("“%s” is not an e-mail address.") % address)
    except AddressTakenError as error:
        names = {"address": error.identity.address, "name": error.identity.person.name}
        messages.error(request, _("%(address)s belongs to %(name)s already.") % names)
    else:
        messages.success(request, _("Saved."))
    return redirect(f"/customers/{person_id}")


def _change(request: HttpRequest, person: Person, by: Account, address: str) -> None:
    act = request.POST.get("act")
    if act == "add":
        identities.add(person, address, by, primary="primary" in request.POST)
        return
    identity = get_object_or_404(Identity, pk=_number(request.POST.get("identity", "")), person=person)
    match act:
        case "correct":
            identities.correct(identity, address, by)
        case "primary":
            identities.make_primary(identity, by)
        case "deliverable":
            identities.mark_deliverable(identity, by, request.POST.get("note", "").strip())


def _context(person: Person, before: str = "") -> dict[str, Any]:
    rows = each_delivery.rows().filter(person=person).order_by("-id")
    if before.isdecimal() and len(before) < 18:
        rows = rows.filter(pk__lt=int(before))
    recent = list(rows[: HISTORY + 1])
    older, recent = recent[HISTORY - 1].pk if len(recent) > HISTORY else "", recent[:HISTORY]
    return {
        "older": older,
        "before": before,
        "lookalikes": merge_people.lookalikes(person),
        "merges": merging.merged_into(person),
        "organizations": list(Organization.objects.order_by("name").values_list("name", flat=True)[:200]),
        "person": person,
        "identities": list(person.identities.order_by("-primary", "id")),
        "history": each_delivery.standings(recent),
        "tickets": list(Ticket.objects.filter(requester=person).order_by("-updated_at")[:TICKETS]),
        "languages": list(words.LANGUAGES.items()),
    }


def _find(person_id: int) -> Person:
    return get_object_or_404(Person.objects.select_related("organization"), pk=person_id)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
