"""Open failures by what they have in common: a cause, a domain, or an outage (one cause at one destination in one go).

One query, however many groups there are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from answerback.outbound import failures
from answerback.outbound.models import Message
from mailroom.address import ascii_domain

GAP = timedelta(minutes=30)  # a longer silence ends an outage
MOST = 20_000  # failures that are looked at, the newest
OUTAGE_FROM = 3  # fewer failures in a row are bad luck


@dataclass
class Group:
    """Some open failures. `sample` are ticket numbers, newest first."""

    cause: str | None = None
    domain: str = ""
    destination: str = ""
    failures: int = 0
    answers: int = 0  # of them carry an agent's answer; the others are automatic mail
    tickets: set[int] = field(default_factory=set)
    recipients: set[str] = field(default_factory=set)
    causes: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    code: str = ""
    sample: list[int] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.failures += 1
        self.answers += row.kind == Message.Kind.ANSWER
        self.tickets.add(row.ticket_id)
        self.recipients.add(row.recipient.lower())
        self.causes[row.cause] = self.causes.get(row.cause, 0) + 1
        self.first, self.last = row.at, self.last or row.at  # rows come newest first
        self.code = self.code or " ".join(filter(None, [str(row.smtp_code or ""), row.enhanced_code]))
        if len(self.sample) < 3 and row.ticket_id not in self.sample:
            self.sample.append(row.ticket_id)


@dataclass(frozen=True)
class Row:
    ticket_id: int
    recipient: str
    cause: str
    destination: str
    kind: str
    at: datetime
    smtp_code: int | None
    enhanced_code: str

    @property
    def domain(self) -> str:
        name = self.recipient.rpartition("@")[2].lower()
        return ascii_domain(name) or name


@dataclass(frozen=True)
class Overview:
    total: int
    by_cause: list[Group]
    by_domain: list[Group]
    outages: list[Group]


def overview() -> Overview:
    rows = _rows()
    return Overview(
        total=len(rows),
        by_cause=_grouped(rows, lambda row: row.cause, lambda row: Group(cause=row.cause)),
        by_domain=_grouped(rows, lambda row: row.domain, lambda row: Group(domain=row.domain)),
        outages=_outages(rows),
    )


def _rows() -> list[Row]:
    fields = (
        "ticket_id", "recipient", "cause", "destination", "kind", "updated_at", "smtp_code", "enhanced_code",
    )  # fmt: skip
    newest = failures.open_failures().order_by("-updated_at", "-id")
    return [Row(*values) for values in newest.values_list(*fields)[:MOST]]


def _grouped(rows: Sequence[Row], key: Callable[[Row], Hashable], new: Callable[[Row], Group]) -> list[Group]:
    groups: dict[Hashable, Group] = {}
    for row in rows:
        name = key(row)
        if name not in groups:
            groups[name] = new(row)
        groups[name].add(row)
    return _biggest_first(groups.values())


def _outages(rows: Sequence[Row]) -> list[Group]:
    """Runs of failures of one cause at one destination, with no longer silence than GAP between two."""
    current: dict[tuple[str, str], Group] = {}
    found: list[Group] = []
    for row in rows:
        key = (row.destination, row.cause)
        group = current.get(key)
        if group is None or (group.first and group.first - row.at > GAP):
            group = current[key] = Group(cause=row.cause, destination=row.destination)
            found.append(group)
        group.add(row)
    return _biggest_first(group for group in found if len(group.recipients) >= OUTAGE_FROM)


def _biggest_first(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: -group.failures)
