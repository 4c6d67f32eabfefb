"""How the mail of a ticket stands, in the words of docs/agents.md: read by the ticket page, the events, the API, lists.

Policy: recipients are counted as persons. Each notification by the newest delivery of its resend chain, a person by the
worst of their notifications of the comment. *Failing* is failed, cancelled or held by suppression, and not resolved.
Mail to agents never counts as the ticket's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from django.utils.translation import get_language

from answerback.outbound import lost_time, way_back
from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Lane, Message, Resolution
from answerback.people import identities
from mailroom.causes import catalogue
from mailroom.states import ARRIVED, State


class Words(StrEnum):
    """What the strip says of a delivery; the sentences stand in templates/tickets/_words.html."""

    SENDING = "sending"
    TRYING = "trying"
    ACCEPTED = "accepted"
    NO_REPORTS = "no_reports"  # accepted, and a failure since would not be told
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    HELD = "held"
    PAUSED = "paused"
    OUR_FAULT = "our_fault"
    DELAYED = "delayed"
    CANCELLED = "cancelled"


class Case(StrEnum):
    """Which failure banner a comment carries."""

    NONE = "none"
    ONE = "one"  # one recipient in all, failing
    ONE_HELD = "one_held"  # one recipient in all, held by suppression
    ALL = "all"
    SOME = "some"


# worst first: what a person with several notifications of one comment is counted by
_WORST = (
    Words.FAILED, Words.SUPPRESSED, Words.CANCELLED, Words.HELD, Words.OUR_FAULT, Words.PAUSED, Words.TRYING,
    Words.DELAYED, Words.SENDING, Words.NO_REPORTS, Words.ACCEPTED, Words.DELIVERED,
)  # fmt: skip
FAILING = frozenset({Words.FAILED, Words.SUPPRESSED, Words.CANCELLED})


@dataclass
class Chain:
    """One notification to one person: the first delivery and its resends, oldest first."""

    deliveries: list[Delivery]
    words: Words
    resolution: Resolution | None  # of the newest
    unresolved: frozenset[int]  # ids of failing deliveries that nobody has put right
    earlier: Resolution | None = None  # how the failure before the newest delivery was put right

    @property
    def newest(self) -> Delivery:
        return self.deliveries[-1]

    @property
    def failing(self) -> bool:
        return self.words in FAILING and self.resolution is None

    @property
    def was_failing(self) -> bool:
        """Failed, and put right since: shown struck through."""
        return self.words in FAILING and self.resolution is not None

    @property
    def failures(self) -> list[Delivery]:
        """What nobody has put right, oldest first."""
        return [delivery for delivery in self.deliveries if delivery.pk in self.unresolved]

    @property
    def arrived(self) -> bool:
        return any(delivery.state in ARRIVED for delivery in self.deliveries)

    @property
    def open(self) -> bool:
        """An unresolved failure, also while a resend is under way: what tag, views and `delivery:open` go by."""
        return bool(self.failures)

    @cached_property
    def code(self) -> str:
        return code_of(self.newest)

    @cached_property
    def cause_text(self) -> str:
        return cause_name(self.newest.cause)

    @property
    def kind(self) -> str:
        return self.newest.kind


@dataclass
class PersonStanding:
    """A recipient of a comment. `worst` is what the person is counted and shown by."""

    name: str
    role: str
    chains: list[Chain]

    @cached_property
    def worst(self) -> Chain:
        return min(self.chains, key=lambda chain: (not chain.failing, _WORST.index(chain.words)))

    @property
    def failing(self) -> bool:
        return self.worst.failing


@dataclass
class CommentStanding:
    """What became of the mail of one comment. `nobody`: it was mailed to nobody, although it is public."""

    comment_id: int
    people: list[PersonStanding] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @property
    def failing(self) -> list[PersonStanding]:
        return [person for person in self.people if person.failing]

    @property
    def resendable(self) -> bool:
        """Whether sending again can reach anybody: mail to an address known to fail would only be held."""
        known = [person.worst.newest.identity for person in self.failing]
        return any(identity is None or not identities.is_suppressed(identity) for identity in known)

    @property
    def automatic(self) -> bool:
        """The comment itself was not mailed: what is shown is an acknowledgement or the like."""
        return all(message.kind != Message.Kind.ANSWER for message in self.messages)

    @property
    def case(self) -> Case:
        failing = self.failing
        if not failing:
            return Case.NONE
        if len(self.people) == 1:
            return Case.ONE_HELD if failing[0].worst.words == Words.SUPPRESSED else Case.ONE
        return Case.ALL if len(failing) == len(self.people) else Case.SOME


def of_ticket(ticket_id: int) -> dict[int, CommentStanding]:
    """By comment id, in a fixed number of queries. Comments that were never mailed are not in it."""
    chains = chains_of(ticket_deliveries(ticket_id))
    comments: dict[int, CommentStanding] = {}
    for chain in chains:
        message = chain.newest.message
        if message.comment_id is None:
            continue
        standing = comments.setdefault(message.comment_id, CommentStanding(message.comment_id))
        if message not in standing.messages:
            standing.messages.append(message)
        _person_of(standing, chain).chains.append(chain)
    return comments


def of_notifications(ticket_id: int) -> dict[int, list[Chain]]:
    """By notification (event id): also mail to agents. For the events."""
    found: dict[int, list[Chain]] = defaultdict(list)
    for chain in chains_of(ticket_deliveries(ticket_id, agents_too=True)):
        if chain.newest.message.notification_id:
            found[chain.newest.message.notification_id].append(chain)
    return found


def open_failures(ticket_id: int) -> list[Chain]:
    """Every open failure of the ticket, oldest first."""
    return [chain for chain in chains_of(ticket_deliveries(ticket_id)) if chain.open]


def open_failures_of(ticket_ids: Sequence[int]) -> dict[int, list[Chain]]:
    """By ticket, for lists: a fixed number of queries for a whole page."""
    rows = Delivery.objects.filter(ticket_id__in=ticket_ids).exclude(kind=Message.Kind.AGENT).select_related("person")
    found: dict[int, list[Chain]] = defaultdict(list)
    for chain in chains_of(list(rows.defer("header").order_by("id"))):
        if chain.open and chain.newest.ticket_id:
            found[chain.newest.ticket_id].append(chain)
    return found


def describe(chain: Chain) -> str:
    """A failure in one line, for a mail to an agent: who, why, the code."""
    row = chain.newest
    return f"• {name_of(row)} <{row.recipient}>: {chain.cause_text}. {chain.code}".rstrip(". ")


def ticket_deliveries(ticket_id: int, agents_too: bool = False) -> list[Delivery]:
    rows = Delivery.objects.filter(ticket_id=ticket_id).select_related(
        "message", "person", "identity", "stopped_by__person"
    )
    if not agents_too:
        rows = rows.exclude(kind=Message.Kind.AGENT)
    return list(rows.defer("message__body", "message__header", "header").order_by("id"))


def chains_of(deliveries: Sequence[Delivery]) -> list[Chain]:
    """Sort deliveries (oldest first) into chains of resends; three more queries whatever their number."""
    chains: dict[int, list[Delivery]] = {}
    root: dict[int, int] = {}
    for delivery in deliveries:
        start = root.get(delivery.resent_from_id or 0, delivery.pk)
        root[delivery.pk] = start
        chains.setdefault(start, []).append(delivery)
    resolutions = resolutions_of([delivery.pk for delivery in deliveries])
    known, blind = lost_time.lanes_of({chain[-1].destination for chain in chains.values()}), way_back.blind()
    return [
        Chain(
            chain,
            words_of(chain[-1], known.get(chain[-1].destination), blind),
            resolutions.get(chain[-1].pk),
            _unresolved(chain, resolutions),
            next((resolutions[row.pk] for row in reversed(chain[:-1]) if row.pk in resolutions), None),
        )
        for chain in chains.values()
    ]


def chain_of(delivery: Delivery) -> Chain:
    """The chain it belongs to, whole: to people all of it is one mail to one person."""
    rows = Delivery.objects.filter(message=delivery.message_id).select_related("message__comment", "person", "identity")
    mails = list(rows.defer("message__body", "message__header", "header").order_by("id"))
    return next(chain for chain in chains_of(mails) if delivery in chain.deliveries)


def words_of(
    delivery: Delivery, lane: Lane | None = None, blind: Mapping[str, datetime] = MappingProxyType({})
) -> Words:
    """How a delivery's state is said. `blind`: the ways on which reports do not reach us (`way_back.blind`)."""
    match State(delivery.state):
        case State.HELD:
            return Words.SUPPRESSED if delivery.hold_reason == SUPPRESSED else Words.HELD
        case State.FAILED:
            return Words.FAILED
        case State.CANCELLED:
            return Words.CANCELLED
        case State.ACCEPTED:
            return Words.NO_REPORTS if way_back.is_blind(delivery, blind) else Words.ACCEPTED
        case State.DELIVERED:
            return Words.DELIVERED
        case State.DELAYED:
            return Words.DELAYED
    if lane and lane.paused_at:
        return Words.PAUSED
    if lost_time.waits_for_us(delivery, lane):
        return Words.OUR_FAULT
    return Words.TRYING if delivery.state == State.DEFERRED else Words.SENDING


def code_of(row: Delivery | Attempt | DeliveryEvent) -> str:
    """Both codes, as far as they were said: "550 5.1.1"."""
    return " ".join(filter(None, [str(row.smtp_code or ""), row.enhanced_code]))


def cause_name(cause: str) -> str:
    """The cause in the reader's language: "mailbox full"."""
    return catalogue.load().cause(cause).text(get_language() or "en").name


def name_of(delivery: Delivery) -> str:
    return delivery.person.name if delivery.person else delivery.recipient


def resolution_of(delivery_id: int) -> Resolution | None:
    return resolutions_of([delivery_id]).get(delivery_id)


def lane_of(delivery: Delivery) -> Lane | None:
    return Lane.objects.filter(destination=delivery.destination).first()


def _unresolved(chain: list[Delivery], resolutions: dict[int, Resolution]) -> frozenset[int]:
    return frozenset(row.pk for row in chain if words_of(row) in FAILING and row.pk not in resolutions)


def resolutions_of(delivery_ids: Sequence[int]) -> dict[int, Resolution]:
    rows = Resolution.objects.filter(delivery_id__in=delivery_ids, revoked_at__isnull=True).select_related("by__person")
    return {row.delivery_id: row for row in rows}


def _person_of(standing: CommentStanding, chain: Chain) -> PersonStanding:
    name = name_of(chain.newest)
    key = chain.newest.person_id or chain.newest.recipient
    for person in standing.people:
        other = person.chains[0].newest
        if (other.person_id or other.recipient) == key:
            return person
    person = PersonStanding(name, chain.newest.role, [])
    standing.people.append(person)
    return person
