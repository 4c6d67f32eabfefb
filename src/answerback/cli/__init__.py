"""The command line: `answerback VERB`. One verb, one file beside this one."""

from __future__ import annotations

import click

from answerback import __version__
from answerback.cli import lint, locks, messages, test

VERBS: tuple[click.Command, ...] = (lint.lint, locks.locks, messages.messages, test.test)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="answerback")
def main() -> None:
    """A helpdesk for e-mail conversations that always knows whether its answers arrived."""


for verb in VERBS:
    main.add_command(verb)
