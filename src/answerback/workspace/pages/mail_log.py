"""`/delivery/log`: any mail by recipient, Message-ID, code, cause and date, and the list behind every figure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.outbound.models import DeliveryEvent
from answerback.reports import mail_events
from answerback.reports.mail_events import BOUNCED, COMPLAINT, FAILED, HELD, STOPPED, Wanted
from answerback.workspace import csv_file, keyset
from answerback.workspace.access import supervisor_required
from answerback.workspace.pages import reports
from mailroom.causes import catalogue
from mailroom.states import Fact, State

SHOWN_AT_FIRST = timedelta(days=30)
WHAT = {
    FAILED: gettext_noop("Failed or bounced"),
    **reports.WHAT,
    HELD: gettext_noop("Held: address is undeliverable"),
    STOPPED: gettext_noop("Stopped"),
}
# what an event says, by its fact; what moved the state is said by the state
_FACTS = {
    Fact.COMPLAINT: COMPLAINT,
    Fact.HOLD: HELD,
    Fact.CANCEL: STOPPED,
}
_STATES = {
    State.QUEUED: gettext_noop("Waiting to be sent"),
    State.HELD: gettext_noop("Held"),
    State.SENDING: gettext_noop("Being sent"),
    State.DEFERRED: gettext_noop("Deferred"),
    State.ACCEPTED: gettext_noop("Accepted"),
    State.DELAYED: gettext_noop("Delayed"),
    State.DELIVERED: gettext_noop("Delivered"),
    State.FAILED: gettext_noop("Failed"),
    State.CANCELLED: gettext_noop("Stopped"),
}
_TEXTS = ("what", "kind", "code", "recipient", "domain", "message_id")
_GROUPS = ("cause", "trigger", "address")  # here an empty value means something


@supervisor_required
def mail_log(request: HttpRequest) -> HttpResponse:
    wanted = _wanted(request.GET)
    page = keyset.page(request, _rows(wanted), "at")
    context = {
        "section": "delivery",
        "page": page,
        "rows": [(event, words_of(event)) for event in page.rows],
        "asked": {name: request.GET.get(name, "") for name in (*_TEXTS, *_GROUPS)},
        "since": timezone.localtime(wanted.since),
        "until": timezone.localtime(wanted.until - timedelta(seconds=1)),  # it is the moment after the last
        "what": [(key, _(title)) for key, title in WHAT.items()],
        "causes": _causes(),
        "narrowed": [request.GET[name] for name in ("domain", "trigger", "address") if request.GET.get(name)],
        "query": request.GET.urlencode(),
    }
    return render(request, "delivery/log.html", context)


@supervisor_required
def export(request: HttpRequest) -> HttpResponse:
    rows = _rows(_wanted(request.GET)).order_by("-at", "-pk")[: csv_file.MOST]
    heading = [
        "at", "what", "recipient", "cause", "smtp_code", "enhanced_code", "diagnostic", "remote_mta", "ticket",
        "message_id",
    ]  # fmt: skip
    return csv_file.response("mail-log", heading, map(_cells, rows))


def words_of(event: DeliveryEvent) -> str:
    """What happened, for people."""
    try:
        fact = Fact(event.fact)
    except ValueError:  # a delay warning of ours
        return _("Delayed")
    if fact in _FACTS:
        return _(WHAT[_FACTS[fact]])
    if fact is Fact.REPORT_FAILED:
        return _(WHAT[BOUNCED])
    return _(_STATES[State(event.to_state)])


def _wanted(asked: QueryDict) -> Wanted:
    until = _moment(asked.get("until", ""), time.max) or clock.now() + timedelta(minutes=1)
    since = _moment(asked.get("since", ""), time.min) or until - SHOWN_AT_FIRST
    texts = {name: asked.get(name, "").strip() for name in _TEXTS}
    return Wanted(
        since,
        until,
        cause=_group(asked, "cause"),
        trigger=_group(asked, "trigger"),
        address=_group(asked, "address"),
        **texts,
    )


def _group(asked: QueryDict, name: str) -> str | None:
    """In the address of a figure an empty value means something; in the form it means "any"."""
    value = asked.get(name)
    return None if value == "" and "any" in asked else value


def _moment(text: str, of_day: time) -> datetime | None:
    """A moment, or a date: its beginning or its end in the reader's time zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == len("2026-11-03"):
        found = datetime.combine(found.date(), of_day)
    return found if found.tzinfo else timezone.make_aware(found)


def _rows(wanted: Wanted) -> Any:
    related = ("delivery__person", "delivery__message", "delivery__ticket")
    left_out = ("delivery__message__body", "delivery__message__header", "delivery__header")
    return mail_events.find(wanted).select_related(*related).defer(*left_out)


def _causes() -> list[tuple[str, str]]:
    return sorted(((key, reports.cause_title(key)) for key in catalogue.load().causes), key=lambda pair: pair[1])


def _cells(event: DeliveryEvent) -> list[Any]:
    delivery = event.delivery
    return [
        event.at, words_of(event), delivery.recipient, event.cause, event.smtp_code, event.enhanced_code,
        event.diagnostic, event.remote_mta, delivery.ticket_id, delivery.message.message_id,
    ]  # fmt: skip
