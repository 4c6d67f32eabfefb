"""What puts a failure right without anybody's word: a mail that arrived.

Policy: to people a message to a person is one mail, however often it was sent again (standing.Chain). What failed of it
is put right by any delivery of the chain that arrives, and by any answer that arrives and stands for one of them. In
which order these become known makes no difference: what fails after something arrived in its stead is put right at
once, and where that bounces, whatever else arrived takes its place. What a person said stays until a person takes it
back.
"""

from __future__ import annotations

from answerback.desk.fixing import replacing
from answerback.outbound import standing
from answerback.outbound.models import Delivery, Resolution
from mailroom.states import ARRIVED

How = Resolution.How


def by(arrived: Delivery) -> list[tuple[Delivery, str]]:
    """The open failures that this delivery puts right, and how."""
    resent = standing.chain_of(arrived).failures if arrived.resent_from_id else []
    answered = [failed for row in replacing.replaced_by(arrived) for failed in standing.chain_of(row).failures]
    return [(failed, _how(failed, arrived)) for failed in resent if failed != arrived] + [
        (failed, How.REPLIED) for failed in answered
    ]


def instead_of(failed: Delivery) -> tuple[Delivery, str] | None:
    """What arrived in its stead, and how that puts it right."""
    chain = standing.chain_of(failed)
    for delivery in reversed(chain.deliveries):
        if delivery.state in ARRIVED:
            return delivery, _how(failed, delivery)
    answer = replacing.arrived(chain.deliveries)
    return (answer, How.REPLIED) if answer else None


def _how(failed: Delivery, arrived: Delivery) -> str:
    return How.RESENT if failed.recipient == arrived.recipient else How.CORRECTED
