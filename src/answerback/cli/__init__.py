"""The command line: `answerback VERB`. One verb, one file beside this one, loaded when it is called for.

Policy: whatever the admin can mend (a setting, a port, a folder) ends in one line on stderr and exit code 2.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click
import django

from answerback import __version__, checks
from answerback.env import BadSettingError

# verb -> the module that holds its `command`
VERBS = {
    "demo": "demo",
    "serve": "serve",
    "web": "web",
    "worker": "worker",
    "migrate": "migrate",
    "user": "user",
    "doctor": "doctor",
    "deliveries": "deliveries",
    "queue": "queue",
    "rawmail": "rawmail",
    "receive-pipe": "receive_pipe",
    "send-test": "send_test",
    "read-bounce": "read_bounce",
    "test": "test",
    "lint": "lint",
    "messages": "messages",
    "locks": "locks",
}
# these look at files only, or set up Django themselves once they know where the data is
WITHOUT_DJANGO = {"demo", "read-bounce", "test", "lint", "messages", "locks"}


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = VERBS.get(cmd_name)
        if module is None:
            return None
        if cmd_name not in WITHOUT_DJANGO:
            start_django()
        command: click.Command = import_module(f"answerback.cli.{module}").command
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="answerback")
def verbs() -> None:
    """A helpdesk for e-mail conversations that always knows whether its answers arrived."""


def main() -> None:
    try:
        verbs(prog_name="answerback")
    except BadSettingError as error:
        click.echo(f"answerback: {error}", err=True)
        sys.exit(2)


def start_django() -> None:
    """Read the settings and load the apps. BadSettingError with one line for the admin."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "answerback.settings")
    django.setup()
    checks.check_start()
