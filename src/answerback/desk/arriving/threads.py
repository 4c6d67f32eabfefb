"""Which ticket a mail belongs to, and how far its author is believed (docs/architecture.md, "Mail that …").

| token in RCPT | author                               | result                                          |
|---------------|--------------------------------------|-------------------------------------------------|
| valid         | its participant, or another one      | public; badge "unverified" unless authenticated |
| valid         | somebody else, or a former one       | internal, with a warning; nobody is added       |
| none          | participant, authenticated, and the  | public                                          |
|               | mail refers to a Message-ID we signed|                                                 |
| none          | anybody else                         | a new ticket                                    |

People who work here are believed only with a token of their own *and* authentication; else what they write stays
internal and flagged. A number in an address or a subject, or a Message-ID without our signature, means nothing.
Mail for a ticket that was merged joins the one it was merged into, where its author has to take part as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from answerback.desk.arriving.arrival import Arrival
from answerback.outbound import tokens
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import Account, Person
from answerback.tickets import addresses as support_addresses
from answerback.tickets import merged
from answerback.tickets.models import Comment, Participant, Ticket
from mailroom import return_path

MAX_REFERENCES = 40  # the first and the last of them: more are somebody's trick
Role = Participant.Role
Trust = Comment.Trust


@dataclass(frozen=True)
class Thread:
    """The ticket a mail joins, and what its comment may be there."""

    ticket: Ticket
    public: bool
    trust: str


def find(arrival: Arrival) -> Thread | None:
    """The conversation the mail belongs to. None: it begins one."""
    person = author_person(arrival)
    if bound := token_participant(arrival.raw.envelope_to):
        ticket = merged.final(bound.ticket)
        return Thread(ticket, *_standing(arrival, person, bound, ticket))
    return _by_reference(arrival, person)


def author_person(arrival: Arrival) -> Person | None:
    """Who has the author's address; None for a stranger."""
    identity = identities.find(arrival.author.spec)
    return identity.person if identity else None


def account_of(person: Person | None) -> Account | None:
    return Account.objects.filter(person=person, is_active=True).first() if person else None


def own_trust(arrival: Arrival) -> str:
    return Trust.AUTHENTICATED if arrival.proof.aligned else Trust.UNVERIFIED


def token_participant(envelope_to: list[str]) -> Participant | None:
    """The participant that the first valid reply token among the recipients was made for."""
    keys = tokens.Reader.current().keys
    for recipient in envelope_to:
        found = support_addresses.support_address_for(recipient)
        participant_id = return_path.read_reply_token(found[1], keys) if found and found[1] else None
        if participant_id is None:
            continue
        row = Participant.objects.select_related("ticket", "person").filter(pk=participant_id).first()
        if row:
            return row
    return None


def returned_delivery(envelope_to: list[str]) -> Delivery | None:
    """The delivery whose signed return path, still valid, is among the recipients: whom an automatic reply is from."""
    reader = tokens.Reader.current()
    for recipient in envelope_to:
        reading = reader.return_path(recipient)
        if reading and reading.verdict == return_path.Verdict.VALID and reading.delivery_id is not None:
            return Delivery.objects.select_related("ticket", "person").filter(pk=reading.delivery_id).first()
    return None


def is_own_message(message_id: str) -> bool:
    """Did we write the mail that is called this?"""
    return bool(message_id) and tokens.Reader.current().ticket_of_message_id(message_id) is not None


def _standing(arrival: Arrival, person: Person | None, bound: Participant, ticket: Ticket) -> tuple[bool, str]:
    """(public, trust) on `ticket` of a mail with the valid token of `bound`."""
    if person is None:
        return False, Trust.OTHER_SENDER
    if account_of(person):
        own_token = bound.person_id == person.pk
        believed = own_token and arrival.proof.aligned
        return believed, own_trust(arrival) if own_token else Trust.OTHER_SENDER
    if not _takes_part(ticket, person):
        return False, Trust.OTHER_SENDER
    return True, own_trust(arrival)


def _by_reference(arrival: Arrival, person: Person | None) -> Thread | None:
    if person is None or not arrival.proof.aligned:
        return None
    reader = tokens.Reader.current()
    referred = [*arrival.mail.in_reply_to, *reversed(arrival.mail.references)]
    for message_id in [*referred[:MAX_REFERENCES], *referred[MAX_REFERENCES:][-1:]]:
        ticket_id = reader.ticket_of_message_id(message_id)
        named = Ticket.objects.filter(pk=ticket_id).first() if ticket_id else None
        ticket = merged.final(named) if named else None
        if ticket and _takes_part(ticket, person):
            public = account_of(person) is None
            return Thread(ticket, public, Trust.AUTHENTICATED if public else Trust.UNVERIFIED)
    return None


def _takes_part(ticket: Ticket, person: Person) -> bool:
    return Participant.objects.filter(ticket=ticket, person=person, confirmed=True).exclude(role=Role.FORMER).exists()
