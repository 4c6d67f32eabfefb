"""The ticket page: read it, follow it live, change its fields, tags and CCs. The composer is in `composing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk import change as desk_change
from answerback.desk.arriving import spam
from answerback.desk.merging import merge_tickets
from answerback.desk.telling import notices
from answerback.people import accounts, identities
from answerback.people.blocked_senders import NotBlockableError
from answerback.people.models import Account, Group, Person
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Participant, Ticket
from answerback.tickets.update import TicketClosedError
from answerback.workspace import conversation, event_log, words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages import composing

RECENT = 6


@agent_required
def ticket(request: HttpRequest, number: int) -> HttpResponse:
    found = _find(number)
    notices.read_ticket(account_of(request), found.pk)
    return render(request, "tickets/page.html", page_context(request, found))


@agent_required
def live(request: HttpRequest, number: int) -> HttpResponse:
    """The parts of the open page that may have changed, each to be swapped where it stands. `after`: last comment."""
    return parts(request, _find(number))


@agent_required
@require_POST
def change_fields(request: HttpRequest, number: int) -> HttpResponse:
    """Whatever fields came along are set; each control sends only its own."""
    changes = Changes(**{name: read(request.POST[name]) for name, read in _FIELDS.items() if name in request.POST})
    return _carry_out(request, number, changes)


@agent_required
@require_POST
def change_tags(request: HttpRequest, number: int) -> HttpResponse:
    changes = Changes(
        add_tags=update.clean_tags([request.POST.get("add", "")]), remove_tags=request.POST.getlist("remove")
    )
    return _carry_out(request, number, changes)


@agent_required
@require_POST
def change_ccs(request: HttpRequest, number: int) -> HttpResponse:
    """`add` an address, `remove` or `confirm` a person by id."""
    if address := request.POST.get("add", "").strip():
        try:
            changes = Changes(add_ccs=[identities.find_or_create(address).person])
        except identities.BadAddressError:
            messages.error(request, _("“%s” is not an e-mail address.") % address)
            return _answer(request, _find(number))
    else:
        changes = Changes(
            remove_ccs=_participants(number, request.POST.get("remove", "")),
            confirm_ccs=_participants(number, request.POST.get("confirm", "")),
        )
    return _carry_out(request, number, changes)


@agent_required
@require_POST
def mark_spam(request: HttpRequest, number: int) -> HttpResponse:
    """`act`: mark, or undo."""
    found = _find(number)
    try:
        if request.POST.get("act") == "undo":
            spam.unmark(found.pk, account_of(request))
            messages.success(request, _("The ticket is open, and its sender may write again."))
        else:
            spam.mark(found.pk, account_of(request))
    except NotBlockableError:
        messages.error(request, _("A colleague's ticket cannot be marked as spam."))
    except TicketClosedError:
        messages.error(request, _("This ticket is closed and does not change any more."))
    return redirect(f"/tickets/{number}")


def parts(request: HttpRequest, found: Ticket) -> HttpResponse:
    context = page_context(request, found)
    after = request.GET.get("after") or request.POST.get("after") or ""
    seen = int(after) if after.isdigit() else context["conversation"].last_comment_id
    context |= {"oob": True, "seen": seen, "show_events": _shows_events(request)}
    return render(request, "tickets/_parts.html", context)


def _shows_events(request: HttpRequest) -> bool:
    """Whether the page that the parts are for shows the events: htmx tells its address."""
    return "events" in QueryDict(urlsplit(request.headers.get("HX-Current-URL", "")).query)


def page_context(request: HttpRequest, found: Ticket) -> dict[str, Any]:
    account = account_of(request)
    read = conversation.of(found)
    requester, ccs = conversation.recipients(found)
    tags = list(found.tags.order_by("name").values_list("name", flat=True))
    context = {
        "ticket": found,
        "conversation": read,
        "requester": requester,
        "ccs": ccs,
        "tags": tags,
        "is_spam": spam.TAG in tags,
        "agents": accounts.agents(),
        "groups": list(Group.objects.order_by("name")),
        "statuses": [(key, words.status_name(key)) for key in words.STATUSES if key not in ("new", "closed")],
        "priorities": [(key, words.value_name("priority", key)) for key in words.PRIORITIES],
        "types": [(key, words.value_name("type", key)) for key in words.TYPES],
        "requester_identities": list(found.requester.identities.order_by("-primary", "id")),
        "merged_failures": merge_tickets.open_failures(found.pk),
        "recent": _recent_tickets(found.requester, found),
        "show_events": "events" in request.GET,
    }
    if context["show_events"]:
        context["log"] = event_log.of(found)
    return context | composing.context_of(found, account, [requester, *ccs])


def _find(number: int) -> Ticket:
    found = conversation.find_ticket(number)
    if found is None:
        raise Http404
    return found


def _recent_tickets(person: Person, but: Ticket) -> list[Ticket]:
    return list(Ticket.objects.filter(requester=person).exclude(pk=but.pk).order_by("-updated_at")[:RECENT])


def _participants(number: int, person_id: str) -> list[Person]:
    rows = Participant.objects.filter(ticket=number, person=int(person_id) if person_id.isdigit() else 0)
    return [row.person for row in rows.select_related("person")]


def _carry_out(request: HttpRequest, number: int, changes: Changes) -> HttpResponse:
    found = _find(number)
    try:
        desk_change.change(number, changes, account_of(request))
    except TicketClosedError:
        messages.error(request, _("This ticket is closed and does not change any more."))
    else:
        found = _find(number)
    return _answer(request, found)


def _answer(request: HttpRequest, found: Ticket) -> HttpResponse:
    return parts(request, found) if request.headers.get("HX-Request") else redirect(f"/tickets/{found.pk}")


def _account(pk: str) -> Account | None:
    return Account.objects.filter(pk=int(pk), is_active=True).first() if pk.isdigit() else None


def _group(pk: str) -> Group | None:
    return Group.objects.filter(pk=int(pk)).first() if pk.isdigit() else None


def _one_of(allowed: Mapping[str, str], default: str) -> Callable[[str], str]:
    return lambda value: value if value in allowed else default


_FIELDS: dict[str, Callable[[str], Any]] = {
    "status": _one_of(words.STATUSES, "open"),
    "priority": _one_of(words.PRIORITIES, ""),
    "type": _one_of(words.TYPES, ""),
    "subject": lambda text: " ".join(text.split())[:500],
    "assignee": _account,
    "group": _group,
}
