"""What a ticket says of its mail without a look at deliveries: the failure tag and the delivery health."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from answerback.outbound import standing
from answerback.outbound.models import Message
from answerback.outbound.standing import Chain, Words
from answerback.tickets.changes import UNSET, Changes, TicketFact
from answerback.tickets.models import FAILURE_TAG, Ticket

Health = Ticket.Health
OPEN_AGAIN = "failure_open_again"  # the note on a failure that was put right, and is not any more


def changes_for(ticket_id: int, facts: Sequence[TicketFact] = ()) -> Changes:
    """The system's update that brings tag and health in line with the deliveries, and notes `facts`.

    The tag comes with a new failure and goes with the last open one (KEEP_FAILURE_TAG: it stays); an agent may take it
    off by hand in between.
    """
    chains = standing.chains_of(standing.ticket_deliveries(ticket_id))
    failing = [chain for chain in chains if chain.open]
    failed_at = max((chain.newest.failed_at or chain.newest.updated_at for chain in failing), default=None)
    new_failure = any(fact.kind == "DeliveryFailure" or fact.data.get("note") == OPEN_AGAIN for fact in facts)
    return Changes(
        facts=facts,
        add_tags=[FAILURE_TAG] if failing and new_failure else [],
        remove_tags=[] if failing or settings.KEEP_FAILURE_TAG else [FAILURE_TAG],
        delivery_health=_health(chains, failing),
        failed_at=failed_at,
        ever_failed=True if new_failure else UNSET,
    )


def _health(chains: list[Chain], failing: list[Chain]) -> str:
    if any(chain.kind == Message.Kind.ANSWER for chain in failing):
        return Health.FAILED
    if failing:
        return Health.AUTOMATIC_FAILED
    if any(chain.words in (Words.TRYING, Words.DELAYED) for chain in chains):
        return Health.TRYING
    return Health.NONE
