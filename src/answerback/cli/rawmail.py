"""`answerback rawmail`: what was received, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
from django.db.models import QuerySet

from answerback.core import mail_settings
from answerback.inbound import process
from answerback.store import raw
from answerback.store.models import RawMail


@click.group("rawmail", invoke_without_command=True)
@click.option("--jsonl", is_flag=True, help="One JSON object a line.")
@click.option("--state", type=click.Choice(RawMail.State.values), help="Only mail in this state.")
@click.pass_context
def command(context: click.Context, jsonl: bool, state: str | None) -> None:
    """List received mail, oldest first, or have it read again."""
    if context.invoked_subcommand:
        return
    for line in _lines(_rows(state), jsonl):
        click.echo(line)


@command.command()
@click.argument("ids", nargs=-1, type=int, required=True, metavar="ID…")
def reprocess(ids: tuple[int, ...]) -> None:
    """Read mail again that did not become a ticket, and tell what came of it."""
    mail_settings.take_over_at_start()
    refused = [raw_mail_id for raw_mail_id in ids if not raw.reopen(raw_mail_id)]
    for raw_mail_id in sorted(set(ids) - set(refused)):
        process.process(raw_mail_id)
    for line in _lines(_rows(None).filter(pk__in=set(ids) - set(refused)), jsonl=True):
        click.echo(line)
    if refused:
        numbers = ", ".join(map(str, refused))
        raise click.ClickException(f"Not read again: {numbers} (no such mail, in a ticket already, or still waiting).")


def _rows(state: str | None) -> QuerySet[RawMail]:
    rows = RawMail.objects.defer("content").order_by("id")
    return rows.filter(state=state) if state else rows


def _lines(rows: QuerySet[RawMail], jsonl: bool) -> Iterator[str]:
    for mail in rows.iterator():
        facts = {
            "id": mail.pk,
            "sha256": mail.sha256,
            "size": mail.size,
            "doorway": mail.doorway,
            "received_at": mail.received_at.isoformat(),
            "state": mail.state,
            "reason": mail.reason,
            "ticket_id": mail.ticket_id,
            "message_id": mail.message_id,
        }
        yield json.dumps(facts, ensure_ascii=False) if jsonl else "  ".join(str(value) for value in facts.values())
