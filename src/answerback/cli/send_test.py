"""`answerback send-test`: one mail to one address, and what became of it."""

from __future__ import annotations

import sys

import click
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from answerback.core import mail_settings
from answerback.outbound import lanes, trial, way_back
from mailroom.address import syntax_problem
from mailroom.causes import catalogue
from mailroom.states import State


@click.command("send-test")
@click.argument("address")
def command(address: str) -> None:
    """Send a test mail to ADDRESS and tell what the next hop said. Exit code 1 where it was not taken."""
    if problem := syntax_problem(address):
        raise click.BadParameter(f"{address} is not an address mail can go to ({problem}).")
    mail_settings.take_over_at_start()
    try:
        attempt = trial.send(address)
    except trial.NoRouteError:
        raise click.ClickException(lanes.NO_RELAY) from None
    delivery = attempt.delivery
    code = " ".join(filter(None, [str(delivery.smtp_code or ""), delivery.enhanced_code]))
    click.echo(f"{delivery.recipient}: {delivery.state} {code}".rstrip())
    for line in filter(None, [delivery.remote_mta and f"server: {delivery.remote_mta}", delivery.diagnostic]):
        click.echo(line)
    if delivery.state != State.ACCEPTED:
        click.echo(catalogue.load().cause(delivery.cause).text(get_language() or "en").name)
        sys.exit(1)
    if way_back.is_blind(delivery, way_back.blind()):
        click.echo(_("Accepted; failure reports do not reach us"))
