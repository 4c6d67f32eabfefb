"""One mail sent while somebody watches: what `send-test` does, and the first steps.

The same rows, the same client and the same judgement as for any mail; only that `send` claims the delivery in the
moment it is made, so that no other worker takes it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from answerback.core import clock
from answerback.outbound import destinations, enqueue, envelopes, lifecycle, owners
from answerback.outbound.engine import client_options
from answerback.outbound.models import Attempt, Delivery, Message
from answerback.outbound.told import Outcome
from answerback.tickets import addresses
from mailroom.report import Action, DeliveryReport
from mailroom.smtp.route import Mx, Route
from mailroom.smtp.session import Transport
from mailroom.smtp.wire import Envelope


class NoRouteError(Exception):
    """No relay is configured."""


def send(address: str) -> Attempt:
    """Send a test mail to `address` and wait for the outcome. NoRouteError."""
    route = destinations.route()
    if route is None:
        raise NoRouteError
    delivery, owner, attempt = _claimed(address)
    [envelope] = envelopes.load([delivery.pk])
    report = asyncio.run(_carry(route.to(delivery.recipient.rpartition("@")[2]), envelope))
    final = isinstance(route, Mx) and report.action is not Action.FAILED
    lifecycle.record([Outcome(delivery.pk, report, owner, attempt, next_hop_is_final=final)])
    return Attempt.objects.select_related("delivery").get(delivery=delivery, number=attempt)


def enqueue_to(address: str) -> Delivery:
    """The same mail for the workers to send. Belongs into a transaction."""
    [message] = enqueue.enqueue(
        [
            enqueue.Notification(
                kind=Message.Kind.SYSTEM,
                support_address=addresses.default_support_address(),
                subject=gettext("Answerback test mail"),
                text=gettext("This mail shows that Answerback can send mail to you. Nobody needs to answer it.") + "\n",
                recipients=[enqueue.Recipient(None, None, None, "to", address)],
                language=settings.LANGUAGE_CODE,
            )
        ]
    )
    return Delivery.objects.get(message=message)


def _claimed(address: str) -> tuple[Delivery, str, int]:
    """A delivery that nobody else sends, and by whom and as which attempt it is sent."""
    owner, lease_until = owners.this_process(), clock.now() + timedelta(seconds=settings.LEASE)
    with transaction.atomic():
        delivery = enqueue_to(address)
        attempts = lifecycle.claim([delivery.pk], owner, lease_until)
    return delivery, owner, attempts[delivery.pk]


async def _carry(route: Route, envelope: Envelope) -> DeliveryReport:
    transport = Transport(route, client_options())
    try:
        async with aclosing(transport.send([envelope])) as outcomes:
            return await anext(report async for _, report in outcomes)
    finally:
        await transport.close()
