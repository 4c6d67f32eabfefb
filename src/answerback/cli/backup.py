"""`answerback backup`: all there is in one file, made while the product runs."""

from __future__ import annotations

import signal
import sqlite3
import sys
from datetime import datetime
from pathlib import Path
from types import FrameType

import click
from django.db import DatabaseError

from answerback.core.dump import DumpError
from answerback.desk.keeping import backup
from answerback.store.archive import BadBackupError, Manifest


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Only read an existing backup, and say whether it is whole.")
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@click.option("--quiet", is_flag=True, help="Say only what is wrong.")
def command(file: Path, verify: bool, force: bool, quiet: bool) -> None:
    """Write database, files and the secret of the data folder into FILE, and read it again.

    Nothing has to be stopped. FILE appears when it is whole, readable by its owner only; whoever has it has everything.
    """
    signal.signal(signal.SIGTERM, leave)
    try:
        manifest = backup.verify(file) if verify else backup.make(file, force, progress(quiet))
    except BadBackupError as error:
        raise click.ClickException(f"{file}: {error}.") from None
    except FileExistsError:
        raise click.ClickException(f"{file} exists. Choose another name, or replace it with --force.") from None
    except BlockingIOError:
        raise click.ClickException(f"Another backup is being written to {file}.") from None
    except (OSError, DumpError, DatabaseError, sqlite3.Error) as error:
        raise click.ClickException(f"No backup was made of it: {reason(error)}.") from None
    _tell_lost_files(manifest)
    if not quiet:
        click.echo(f"{file}: whole, {described(manifest)}")


def described(manifest: Manifest) -> str:
    """What a backup is of, in a line."""
    made = datetime.fromisoformat(manifest["made_at"])
    rows = sum(table["rows"] for table in manifest["tables"].values())
    files = sum(name.startswith(backup.BLOBS) for name in manifest["members"])
    return (
        f"made {made:%Y-%m-%d %H:%M} UTC by Answerback {manifest['version']} on {manifest['database']}: "
        f"{rows} rows, {files} files, {manifest['waiting']} deliveries waiting"
    )


def progress(quiet: bool) -> backup.Say:
    """Says on a terminal how far it is."""

    def say(text: str) -> None:
        if sys.stderr.isatty() and not quiet:
            click.echo(text, err=True)

    return say


def reason(error: Exception) -> str:
    """One line: what the system says, and about which file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return str(error).partition("\n")[0]


def leave(number: int, frame: FrameType | None) -> None:
    """SIGTERM leaves by an exception, so that what is unfinished is removed on the way out."""
    sys.exit(128 + number)


def _tell_lost_files(manifest: Manifest) -> None:
    if lost := manifest["lost_files"]:
        click.echo(
            f"{len(lost)} files that the database names are gone or damaged, on the disk already and so in the backup: "
            + ", ".join(lost[:5])
            + (" …" if len(lost) > 5 else ""),
            err=True,
        )
