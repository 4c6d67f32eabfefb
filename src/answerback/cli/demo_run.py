"""The demo once its settings stand: prepare the desk, write the credentials, run everything until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from django.conf import settings
from django.core.management import call_command

from answerback.cli import running
from answerback.cli.migrate import migrate
from answerback.inbound import process
from answerback.sandbox import demo_desk
from answerback.sandbox import server as sandbox
from answerback.server import run as server
from answerback.workers import runner

SHOWN = {"agent": "agent", "agent_de": "agent, German", "admin": "administrator"}


def run(folder: Path, flush: bool, empty: bool) -> None:
    """ClickException where the database cannot be used."""
    migrate()
    if flush:
        call_command("flush", interactive=False, verbosity=0)
        migrate()
    credentials = folder / "credentials.json"
    if not empty and not credentials.exists():
        click.echo("Making a desk: people, customers, some weeks of mail. This takes about a minute.")
    fresh = demo_desk.install_people() if empty else demo_desk.install(process.process)
    if fresh:
        write_credentials(credentials, _described(fresh))
    elif not credentials.exists():
        write_credentials(credentials, _described(demo_desk.renew_credentials()))
    else:  # it may listen elsewhere today
        write_credentials(credentials, json.loads(credentials.read_text(encoding="utf-8")) | _addresses())
    Demo(json.loads(credentials.read_text(encoding="utf-8"))).run()


class Demo:
    """Says that it is ready when web and doorway both are, and to a terminal, which no log keeps, who can sign in."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        self._missing = {"web", "mail"}
        self._credentials = credentials

    def run(self) -> None:
        running.run({"sandbox": sandbox.run, "workers": self._workers, "web": self._web})

    async def _workers(self, stop: asyncio.Event) -> None:
        await runner.run(runner.NAMES, stop, lambda host, port: self._ready("mail"))

    async def _web(self, stop: asyncio.Event) -> None:
        await server.serve(stop, on_ready=lambda: self._ready("web"))

    def _ready(self, part: str) -> None:
        self._missing.discard(part)
        if not self._missing:
            click.echo(f"Sandbox, where the customers' mail is: {settings.BASE_URL}/sandbox/")
            click.echo(f"Who can sign in stands in {settings.DATA_DIR / 'credentials.json'}")
            if sys.stdout.isatty():
                for line in sign_in_lines(self._credentials):
                    click.echo(line)
            click.echo(f"Answerback is ready: {settings.BASE_URL}")


def sign_in_lines(credentials: dict[str, Any]) -> list[str]:
    """Who can sign in: role, address, password."""
    people = [(words, credentials[name]) for name, words in SHOWN.items()]
    return [f"  {words:<16}{person['email']:<45}{person['password']}" for words, person in people]


def write_credentials(path: Path, credentials: dict[str, Any]) -> None:
    """Readable by its owner only, from the first byte on."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(credentials, file, indent=2)
    fresh.replace(path)


def _addresses() -> dict[str, Any]:
    host, port = settings.SMTP_LISTEN
    return {"base_url": settings.BASE_URL, "smtp": f"{host}:{port}", "sandbox_url": f"{settings.BASE_URL}/sandbox/"}


def _described(credentials: demo_desk.Credentials) -> dict[str, Any]:
    """The shape that docs/commands.md promises."""
    return _addresses() | {
        "support_address": credentials.support_address,
        "admin": credentials.admin,
        "agent": credentials.agent,
        "agent_de": credentials.agent_de,
        "api": credentials.api,
    }
