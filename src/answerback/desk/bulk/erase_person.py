"""One step of erasing somebody: a ticket, a stretch of a table, or what is left of the profile (`desk.erasure`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from answerback.desk.bulk.result import Result, done, failed, skipped
from answerback.desk.erasure import known, profile, tables, ticket
from answerback.desk.keeping.removal import MailUnderWayError
from answerback.desk.models import JobItem
from answerback.people.models import Account, Person
from answerback.people.traces import Traces
from answerback.tickets.models import Ticket


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    """`options`: person, an id; step: ticket (with its number), table (with table, first, last) or profile (with seen:
    up to which id each table was gone through)."""
    person = Person.objects.select_for_update().filter(pk=options["person"]).first()
    if person is None or person.erased_at:
        return skipped("gone")
    traces = known.traces_of(person)
    try:
        with transaction.atomic():
            return _STEPS[options["step"]](options, person, traces, by)
    except MailUnderWayError:
        return failed("mail_under_way")


def _ticket(options: dict[str, Any], person: Person, traces: Traces, by: Account) -> Result:
    number = options["ticket"]
    if ticket.erase(Ticket.objects.select_for_update().get(pk=number), person, traces, by):
        return done("ticket_erased", number=number)
    return replace(done("ticket_struck"), ticket_id=number)


def _table(options: dict[str, Any], person: Person, traces: Traces, by: Account) -> Result:
    stretch = {name: options[name] for name in ("table", "first", "last")}
    tables.erase(options["table"], options["first"], options["last"], traces)
    return done("table_erased", **stretch)


def _profile(options: dict[str, Any], person: Person, traces: Traces, by: Account) -> Result:
    """With what came in, or was left over, since the job began."""
    for late in ticket.concerned(person, traces).order_by("pk"):
        ticket.erase(late, person, traces, by)
    for name in tables.TABLES:
        tables.erase(name, options["seen"].get(name, 0) + 1, None, traces)
    profile.erase(person, traces)
    return done("profile_erased")


_STEPS = {"ticket": _ticket, "table": _table, "profile": _profile}
