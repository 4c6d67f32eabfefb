"""Erasing somebody: what would go and what would stay, and the job that does it. The policy is `desk.erasure`'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from answerback.desk import jobs
from answerback.desk.erasure import known, tables, ticket
from answerback.desk.models import Job
from answerback.outbound.models import Delivery
from answerback.people import system_person
from answerback.people.models import Account, Person
from answerback.search import query
from answerback.search.find import tickets as found
from answerback.tickets.models import Attachment, Comment, Ticket

KIND = "erase_person"
_MENTIONS = 500  # tickets of others in which an address stands


class CannotEraseError(ValueError):
    """`problem`: agent, merged, erased, under_way."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Foreseen:
    addresses: list[str]
    names: list[str]
    tickets: int  # that go whole
    struck: int  # of others, which stay without the person
    comments: int  # of theirs on these
    files: int
    deliveries: int


def foresee(person: Person) -> Foreseen:
    traces = known.traces_of(person)
    own = Ticket.objects.filter(requester=person)
    written = Comment.objects.filter(author=person)
    return Foreseen(
        addresses=sorted({address.lower() for address in traces.addresses}),
        names=sorted(traces.names),
        tickets=own.count(),
        struck=len(_tickets(person)) - own.count(),
        comments=written.exclude(ticket__requester=person).count(),
        files=Attachment.objects.filter(comment__in=written).count(),
        deliveries=Delivery.objects.filter(person=person).count(),
    )


def problem_of(person: Person) -> str:
    """Why the person cannot be erased; "" where they can."""
    if person.erased_at:
        return "erased"
    if Account.objects.filter(person=person).exists() or person == system_person.get():
        return "agent"
    if hasattr(person, "merge"):
        return "merged"
    running = Job.objects.filter(kind=KIND, status__in=jobs.RUNNING, source__person=person.pk)
    return "under_way" if running.exists() else ""


def start(person: Person, by: Account) -> Job:
    """CannotEraseError."""
    if problem := problem_of(person):
        raise CannotEraseError(problem)
    steps: list[dict[str, Any]] = [{"step": "ticket", "ticket": pk} for pk in _tickets(person)]
    stretches = list(tables.stretches())
    steps += [{"step": "table", "table": name, "first": first, "last": last} for name, first, last in stretches]
    steps.append({"step": "profile", "seen": {name: last for name, _, last in stretches}})
    return jobs.start_new(KIND, [{"person": person.pk} | step for step in steps], by, source={"person": person.pk})


def _tickets(person: Person) -> list[int]:
    """All in which the person takes part, and those in which search finds an address. Their own come last: what was
    merged elsewhere is known by them."""
    traces = known.traces_of(person)
    ids = set(ticket.concerned(person, traces).values_list("pk", flat=True))
    for address in traces.addresses:
        ids |= {row.pk for row in found(query.parse(f'"{address}"', None), most=_MENTIONS)}
    own = set(Ticket.objects.filter(requester=person).values_list("pk", flat=True))
    return [*sorted(ids - own), *sorted(own)]
