"""The command line: `answerback VERB`. One verb, one file beside this one, loaded when it is called for.

Policy: whatever the admin can mend (a setting, a port, a folder) ends in one line on stderr and exit code 2.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module

import click
import django
from django.conf import settings

from answerback import __version__, checks
from answerback.env import BadSettingError

# verb -> what it does, in a line; its `command` is in the module of that name ("-" becomes "_")
VERBS = {
    "demo": "Run everything on this machine, with a played internet and demo data.",
    "serve": "Run the product: web and workers in one process.",
    "web": "Run only the pages and the API.",
    "worker": "Run only workers: receive, deliver, react, tidy.",
    "migrate": "Create or update the tables.",
    "user": "Add people who sign in, change their passwords, list them.",
    "doctor": "Check database, store, queue and relay.",
    "deliveries": "List deliveries: one message to one recipient each.",
    "queue": "Show the queue, or wait until it is idle.",
    "backup": "Write all there is into one file, while everything runs.",
    "restore": "Bring a backup back.",
    "reindex": "Read all tickets and people into the search index again.",
    "rawmail": "List received mail, or have it read again.",
    "receive-pipe": "Take one mail on stdin, for a mail server's pipe.",
    "dkim": "Make the keys that sign our mail, show their DNS records.",
    "send-test": "Send a test mail and tell what the server said.",
    "read-bounce": "Read bounces into JSON lines.",
    "test": "Run all tests. For developers.",
    "lint": "Check everything that can be judged without running. For developers.",
    "messages": "Bring the German catalogue up to date. For developers.",
    "docs": "Build the site of the documents. For developers.",
    "locks": "Write the lock files. For developers.",
}
# these look at files only, or set up Django themselves once they know where the data is
WITHOUT_DJANGO = {"demo", "read-bounce", "test", "lint", "messages", "docs", "locks"}
# these are what one calls where a restore broke off
WITH_HALF_THE_DATA = {"restore", "doctor"}


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        if cmd_name not in WITHOUT_DJANGO:
            start_django(half_the_data_will_do=cmd_name in WITH_HALF_THE_DATA)
        command: click.Command = import_module(f"answerback.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, without loading any: help must not need a data folder."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="answerback")
def verbs() -> None:
    """A helpdesk for e-mail conversations that always knows whether its answers arrived."""


def main() -> None:
    if "receive-pipe" in sys.argv[1:2]:
        _run_for_a_mail_server()
    else:
        _run()


def _run() -> None:
    try:
        verbs(prog_name="answerback")
    except BadSettingError as error:
        click.echo(f"answerback: {error}", err=True)
        sys.exit(2)


def _run_for_a_mail_server() -> None:
    """It takes nearly every exit code from its pipe for a final no, and returns the mail to its sender. So whatever is
    wrong with us, a typing error in its own configuration included, is "try again later"."""
    try:
        _run()
    except SystemExit as end:
        sys.exit(end.code if end.code in (None, 0, os.EX_UNAVAILABLE) else os.EX_TEMPFAIL)
    except Exception:
        traceback.print_exc()
        sys.exit(os.EX_TEMPFAIL)


def start_django(half_the_data_will_do: bool = False) -> None:
    """Read the settings and load the apps. BadSettingError with one line for the admin."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "answerback.settings")
    django.setup()
    checks.check_start()
    if not half_the_data_will_do:
        checks.check_restored(settings.DATA_DIR)
