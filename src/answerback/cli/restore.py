"""`answerback restore`: bring a backup back."""

from __future__ import annotations

import signal
import sqlite3
import sys
from pathlib import Path

import click
from django.db import DatabaseError

from answerback.cli.backup import described, leave, progress, reason
from answerback.cli.migrate import migrate
from answerback.core.dump import DumpError
from answerback.desk.keeping import restore
from answerback.store.archive import BadBackupError, Manifest


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also where there is data already; it is set aside, not deleted.")
@click.option("--hold-queue", is_flag=True, help="Hold the mail that was waiting when the backup was made.")
@click.option("--quiet", is_flag=True, help="Say only what is wrong or kept.")
def command(file: Path, force: bool, hold_queue: bool, quiet: bool) -> None:
    """Put what FILE holds into an empty database and data folder, and bring it up to date.

    FILE is read to its end before anything is written. Stop everything else before; nothing is sent until you start it.
    """
    signal.signal(signal.SIGTERM, leave)
    say = progress(quiet)
    try:
        say("Reading the backup")
        manifest = restore.read_backup(file)
        if not quiet:
            click.echo(f"{file}: {described(manifest)}")
        hold = hold_queue or _asked_to_hold(manifest)
        kept = restore.bring_back(file, manifest, force, say)
        say("Bringing the database up to date")
        migrate()
        going, held = restore.finish(hold)
    except BadBackupError as error:
        raise click.ClickException(f"{file} cannot be restored: {error}.") from None
    except restore.NotEmptyError:
        raise click.ClickException(
            "There is data here already. With --force it is set aside, not deleted; nothing was changed."
        ) from None
    except (OSError, DumpError, DatabaseError, sqlite3.Error) as error:
        raise click.ClickException(f"Not restored: {reason(error)}.") from None
    for place in kept:
        click.echo(f"What was here before is kept: {place}")
    if not quiet:
        click.echo("Restored.")
    _tell_queue(going, held)


def _asked_to_hold(manifest: Manifest) -> bool:
    waiting = manifest["waiting"]
    if not waiting or not sys.stdin.isatty():
        return False
    click.echo(f"{waiting} deliveries were waiting when the backup was made. What was sent since would go out twice.")
    return click.confirm("Hold those to customers?")


def _tell_queue(going: int, held: int) -> None:
    if held:
        click.echo(f"{held} deliveries are held until somebody releases them under Delivery → Failures.", err=True)
    if going:
        click.echo(
            f"{going} deliveries wait, as when the backup was made. They go out when Answerback starts; what was sent "
            "since goes out a second time, with the same Message-ID.",
            err=True,
        )
    if going and not held:
        click.echo("To hold those to customers, restore again with --hold-queue --force before you start it.", err=True)
