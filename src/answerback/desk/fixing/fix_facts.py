"""What the event log tells of the buttons of the card: who did what about which delivery. Each is one update."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.desk import ticket_health
from answerback.desk.running_rules import effects
from answerback.desk.telling import notices
from answerback.outbound import standing
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets import update
from answerback.tickets.changes import TicketFact
from answerback.tickets.models import Event

Kind = Event.Kind


def note(delivery: Delivery, what: str, by: Account, **more: object) -> TicketFact:
    """`what`: a word for machines, such as "resent"; templates/tickets/_fact.html has the sentence."""
    return TicketFact(Kind.DELIVERY_NOTE, {"note": what} | _about(delivery, by) | more)


def resolution(delivery: Delivery, how: str, by: Account | None, **more: object) -> TicketFact:
    return TicketFact(Kind.DELIVERY_RESOLUTION, {"how": how} | _about(delivery, by) | more)


def tell(ticket_id: int | None, facts: Sequence[TicketFact], by: Account) -> None:
    """Note the facts on the ticket, also on a closed one, and bring tag and health in line."""
    if ticket_id is None:
        return
    audit = update.apply(ticket_id, ticket_health.changes_for(ticket_id, facts), by.person, update.SYSTEM)
    if audit:
        effects.run(audit)
    notices.settle(ticket_id)


def _about(delivery: Delivery, by: Account | None) -> dict[str, object]:
    return {
        "delivery_id": delivery.pk,
        "recipient": delivery.recipient,
        "person": standing.name_of(delivery),
        "by": by.person.name if by else "",
    }
