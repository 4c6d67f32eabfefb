"""`answerback user`: people who sign in."""

from __future__ import annotations

import secrets

import click

from answerback.desk import admin_changes
from answerback.people import accounts, identities
from answerback.people.models import Account


@click.group("user")
def command() -> None:
    """Add people who sign in, change their passwords, list them."""


@command.command("add")
@click.argument("email")
@click.option("--name", required=True, help="as customers see it")
@click.option("--admin", is_flag=True, help="may change settings and people")
@click.option("--language", type=click.Choice(["en", "de"]), default="en", show_default=True)
@click.option("--password", help="made up and shown once where it is not given")
def add(email: str, name: str, admin: bool, language: str, password: str | None) -> None:
    """A new agent, or with --admin an admin."""
    chosen = password or secrets.token_urlsafe(12)
    role = Account.Role.ADMIN if admin else Account.Role.AGENT
    try:
        with admin_changes.recording(lambda: None, admin_changes.Via.COMMAND):
            accounts.create(email, name, chosen, role, language)
    except identities.BadAddressError:
        raise click.ClickException(f"{email} is not an e-mail address.") from None
    except identities.AddressTakenError:
        raise click.ClickException(
            f"{email} signs in already. `answerback user passwd` changes the password."
        ) from None
    click.echo(f"{name} <{email}> can sign in." + ("" if password else f" Password: {chosen}"))


@command.command("passwd")
@click.argument("email")
@click.option("--password", help="made up and shown once where it is not given")
def passwd(email: str, password: str | None) -> None:
    """A new password."""
    account = Account.objects.filter(email__iexact=email).first()
    if account is None:
        raise click.ClickException(f"Nobody signs in as {email}. `answerback user list` shows who does.")
    chosen = password or secrets.token_urlsafe(12)
    account.set_password(chosen)
    with admin_changes.recording(lambda: None, admin_changes.Via.COMMAND):
        account.save(update_fields=["password"])
    click.echo("The password is changed." + ("" if password else f" It is: {chosen}"))


@command.command("list")
def list_accounts() -> None:
    """Everybody who signs in."""
    for account in Account.objects.select_related("person").order_by("email"):
        state = "" if account.is_active else "\tinactive"
        click.echo(f"{account.email}\t{account.role}\t{account.person.name}{state}")
