"""`answerback deliveries`: what became of every message to every recipient."""

from __future__ import annotations

import json
from datetime import datetime

import click
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from answerback.outbound.models import Delivery, Resolution


class Moment(click.ParamType):
    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = parse_datetime(value)
        except ValueError:
            moment = None
        if moment is None:
            self.fail(f"{value!r} is not a time such as 2026-11-23T14:05 or 2026-11-23T14:05:00Z.", param, ctx)
        return make_aware(moment) if is_naive(moment) else moment


@click.command("deliveries")
@click.option("--jsonl", is_flag=True, help="One JSON object a line.")
@click.option("--ticket", type=int, metavar="N", help="Only those of this ticket.")
@click.option("--since", type=Moment(), metavar="T", help="Only those that changed at or after this time.")
def command(jsonl: bool, ticket: int | None, since: datetime | None) -> None:
    """List deliveries, oldest first."""
    for delivery in _rows(ticket, since).iterator(chunk_size=1000):
        click.echo(json.dumps(facts(delivery), ensure_ascii=False) if jsonl else _line(delivery))


def facts(delivery: Delivery) -> dict[str, object]:
    """One line of the export; names and order are a promise (docs/commands.md)."""
    message = delivery.message
    return {
        "delivery_id": delivery.pk,
        "subject": message.subject,
        "kind": delivery.kind,
        "resent_from": delivery.resent_from_id,
        "ticket_id": delivery.ticket_id,
        "comment_id": message.comment_id,
        "notification_id": message.notification_id,
        "message_id": message.message_id,
        "recipient": delivery.recipient,
        "role": delivery.role,
        "state": delivery.state,
        "smtp_code": delivery.smtp_code,
        "enhanced_code": delivery.enhanced_code,
        "diagnostic": delivery.diagnostic,
        "cause": delivery.cause,
        "remote_mta": delivery.remote_mta,
        "attempts": delivery.attempts,
        "ambiguous": delivery.ambiguous,
        "next_attempt_at": delivery.next_attempt_at.isoformat() if delivery.next_attempt_at else None,
        "resolved": bool(getattr(delivery, "resolved", False)),
        "updated_at": delivery.updated_at.isoformat(),
    }


def _rows(ticket: int | None, since: datetime | None) -> QuerySet[Delivery]:
    open_resolutions = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True)
    rows = Delivery.objects.select_related("message").annotate(resolved=Exists(open_resolutions))
    if ticket is not None:
        rows = rows.filter(ticket_id=ticket)
    if since is not None:
        rows = rows.filter(updated_at__gte=since)
    return rows.defer("header", "message__header", "message__body").order_by("id")


def _line(delivery: Delivery) -> str:
    code = " ".join(filter(None, [str(delivery.smtp_code or ""), delivery.enhanced_code]))
    return f"{delivery.pk}  {delivery.state:<9}  {delivery.recipient}  {code}  {delivery.message.subject}"
