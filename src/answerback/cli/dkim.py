"""`answerback dkim`: the keys that sign our mail, and the DNS records that let others check it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from answerback.desk import admin_changes
from answerback.outbound import dkim_keys
from mailroom.dkim_signing import Key


@click.command("dkim")
@click.argument("domain", required=False)
@click.option("--start", "wish", flag_value="start", help="Sign from now on; the records have to be in DNS.")
@click.option("--stop", "wish", flag_value="stop", help="Sign no more; the keys are kept.")
@click.option("--renew", "wish", flag_value="renew", help="Make new keys beside those in use.")
def command(domain: str | None, wish: str | None) -> None:
    """Show the DNS records of DOMAIN's keys, made where there are none; without DOMAIN, those of every domain.

    DOMAIN is that of a support address, or one above it. Exit code 1 where a record of a key in use is not in DNS.
    """
    try:
        if domain:
            with admin_changes.recording(lambda: None, admin_changes.Via.COMMAND):
                _do(domain, wish)
        found = [_show(name) for name in ([domain] if domain else dkim_keys.domains())]
    except dkim_keys.BadDomainError as error:
        raise click.BadParameter(f"{error} is not a domain.") from None
    if not found:
        click.echo("No keys yet. `answerback dkim example.com` makes some.")
    sys.exit(0 if all(found) else 1)


def _do(domain: str, wish: str | None) -> None:
    if wish == "start":
        _start(domain)
    elif wish == "stop":
        dkim_keys.stop(domain)
    elif wish == "renew" or not (dkim_keys.keys_in_use(domain) or dkim_keys.keys_waiting(domain)):
        dkim_keys.make(domain)


def _start(domain: str) -> None:
    try:
        dkim_keys.start(domain)
    except dkim_keys.NotPublishedError as error:
        raise click.ClickException(
            f"{error.args[0].record_name} is not in DNS yet, or is another record. Nothing is changed: publish the "
            f"records that `answerback dkim {domain}` shows, wait until DNS has them, and try again."
        ) from None
    if not dkim_keys.keys_in_use(domain):
        raise click.ClickException(f"No keys yet. `answerback dkim {domain}` makes some.")


def _show(domain: str) -> bool:
    """Both kinds of keys with their records. False where one in use is missing from DNS."""
    used = _list("signs mail", dkim_keys.keys_in_use(domain))
    waiting = dkim_keys.keys_waiting(domain)
    _list("does not sign yet", waiting)
    if waiting:
        click.echo(f"Publish these records, then: answerback dkim {domain} --start")
    return used


def _list(what: str, keys: Sequence[Key]) -> bool:
    published = [dkim_keys.is_published(key) for key in keys]
    for key, there in zip(keys, published, strict=True):
        click.echo(f"; {key.algorithm}, {what}, {'is in DNS' if there else 'is NOT in DNS'}")
        click.echo(key.zone_line())
    return all(published)
