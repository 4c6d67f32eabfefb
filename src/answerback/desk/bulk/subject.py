"""What an item is about, read anew. Delivery.DoesNotExist, Ticket.DoesNotExist where it is gone."""

from __future__ import annotations

from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.tickets.models import Ticket


def delivery_of(item: JobItem) -> Delivery:
    return Delivery.objects.select_related("identity").defer("header").get(pk=item.delivery_id or 0)


def ticket_of(item: JobItem) -> Ticket:
    """Locked until the item is done."""
    return Ticket.objects.select_for_update(no_key=True).get(pk=item.ticket_id or 0)
