"""What a job would do, told before it is started: whom it would reach, and what it would skip and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from answerback.desk.bulk import KINDS, About, update_tickets
from answerback.desk.bulk.result import Result, skipped
from answerback.desk.bulk.targets import Target
from answerback.desk.running_rules import dry_run
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets.models import Ticket
from answerback.tickets.update import TicketClosedError

_BATCH = 500
TRIED = 5  # tickets that are played through to see whom triggers would mail


@dataclass(frozen=True)
class Subject:
    """A ticket, and the delivery where the job is about one."""

    ticket: Ticket
    delivery: Delivery | None


@dataclass
class Outlook:
    would: list[Subject] = field(default_factory=list)
    skips: dict[str, list[tuple[Subject, Result]]] = field(default_factory=dict)  # by reason

    @property
    def people(self) -> int:
        """How many different people mail would go to."""
        return len({one.delivery.person_id or one.delivery.recipient for one in self.would if one.delivery})

    @property
    def tickets(self) -> int:
        return len({one.ticket.pk for one in self.would})

    @property
    def skipped(self) -> int:
        return sum(map(len, self.skips.values()))


@dataclass(frozen=True)
class Mailed:
    """A trigger that would mail somebody, on how many of the tickets that were tried, and to whom."""

    trigger_title: str
    tickets: int
    names: Sequence[str]


def look(kind: str, targets: Sequence[Target], options: dict[str, Any]) -> Outlook:
    """A fixed number of queries for each 500 targets."""
    outlook = Outlook()
    for start in range(0, len(targets), _BATCH):
        _look(kind, targets[start : start + _BATCH], options, outlook)
    return outlook


def mailed(subjects: Sequence[Subject], options: dict[str, Any], by: Account) -> list[Mailed]:
    """Whom triggers would mail, found by playing the change through on the first few tickets."""
    names: dict[str, dict[str, None]] = {}
    counts: dict[str, int] = {}
    for subject in subjects[:TRIED]:
        for title, reached in _played(subject.ticket, options, by).items():
            counts[title] = counts.get(title, 0) + 1
            names.setdefault(title, {}).update(reached)
    return [Mailed(title, counts[title], list(reached)) for title, reached in names.items()]


def _look(kind: str, targets: Sequence[Target], options: dict[str, Any], outlook: Outlook) -> None:
    tickets = Ticket.objects.select_related("requester", "assignee__person").in_bulk([one.ticket_id for one in targets])
    deliveries = _deliveries([one.delivery_id for one in targets if one.delivery_id])
    about = KINDS[kind].about
    rows: list[Any] = list(tickets.values() if about is About.TICKETS else deliveries.values())
    foreseen = KINDS[kind].foresee
    problems = foreseen(rows, options) if foreseen else {}
    for target in targets:
        ticket, delivery = tickets.get(target.ticket_id), deliveries.get(target.delivery_id or 0)
        if ticket is None:
            continue
        problem = problems.get(ticket.pk if about is About.TICKETS else (delivery.pk if delivery else 0))
        if about is not About.TICKETS and delivery is None:
            problem = skipped("nothing_held" if about is About.HELD else "no_failure")
        if problem:
            outlook.skips.setdefault(problem.reason, []).append((Subject(ticket, delivery), problem))
        else:
            outlook.would.append(Subject(ticket, delivery))


def _deliveries(ids: Sequence[int]) -> dict[int, Delivery]:
    return Delivery.objects.select_related("identity", "person").defer("header").in_bulk(ids)


def _played(ticket: Ticket, options: dict[str, Any], by: Account) -> dict[str, dict[str, None]]:
    """Names by the title of the trigger that would mail them."""
    try:
        outcome = dry_run.play(lambda: update_tickets.carry_out(ticket, options, by), ticket.pk)
    except TicketClosedError:
        return {}
    found: dict[str, dict[str, None]] = {}
    for mail in outcome.mails:
        found.setdefault(mail.trigger_title, {}).update({one.name: None for one in mail.recipients})
    return found
