"""A backup: rows, files and the signing secret of the data folder as they were at one moment, while all goes on.

Policy: first the database is held as of one moment, then the files it names are copied. A file is written before its
row, so each one named is there; one that a chore removes meanwhile, or that the disk has lost, is listed and told of.
The backup is read again before it gets its name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from answerback import __version__
from answerback.core import clock, dump
from answerback.store import archive, blobs
from answerback.store.archive import BadBackupError, Manifest

SECRET_KEY = "secret_key"  # noqa: S105  # a name: the member, and the file in the data folder
BLOBS = "blobs/"
# what would be sent if it had not been sent since
_WAITING = "SELECT count(*) FROM outbound_delivery WHERE state IN ('queued', 'deferred', 'sending')"

Say = Callable[[str], None]


def make(path: Path, replace: bool, say: Say) -> Manifest:
    """Write and verify a backup.

    FileExistsError, BlockingIOError, any other OSError, DumpError, DatabaseError, BadBackupError.
    """
    with archive.writing(path, replace) as writer:
        say("Copying the database")
        with dump.snapshot(writer.folder) as snapshot:
            lost = list(_add_files(writer, snapshot, say))
            for name, file in snapshot.members():
                say(f"Packing {name}")
                writer.add(name, file)
            manifest = _manifest(snapshot, lost)
        writer.finish(manifest)
        say("Reading it again")
        return verify(writer.file)


def verify(path: Path) -> Manifest:
    """Read all of it: sums, row counts, and the file of SQLite by SQLite itself. BadBackupError, OSError."""
    reader = archive.Reader(path)
    rows: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=settings.DATA_DIR) as folder:
        for member in reader.members():
            if member.name == dump.DATABASE:
                _check_database(member, Path(folder) / dump.DATABASE)
            elif table := dump.table_of(member.name):
                rows[table] = sum(block.count(b"\n") for block in member.blocks())
    _check_manifest(reader.manifest, rows)
    return reader.manifest


def _add_files(writer: archive.Writer, snapshot: dump.Snapshot, say: Say) -> Iterator[str]:
    """Names of those that are not as their rows say."""
    named = snapshot.query("SELECT name, sha256 FROM store_blob WHERE let_go_at IS NULL ORDER BY id")
    for number, (name, sha256) in enumerate(named, start=1):
        if number % 1000 == 1:
            say(f"Packing files: {number} of {len(named)}")
        try:
            if writer.add(BLOBS + name, blobs.path_of(name)) != sha256:
                yield name
        except FileNotFoundError:
            yield name
    secret = Path(settings.DATA_DIR) / SECRET_KEY
    if secret.exists():
        writer.add(SECRET_KEY, secret)


def _manifest(snapshot: dump.Snapshot, lost: list[str]) -> Manifest:
    return {
        "version": __version__,
        "made_at": clock.now().isoformat(timespec="seconds"),
        "database": snapshot.kind,
        "migrations": snapshot.query("SELECT app, name FROM django_migrations ORDER BY id"),
        "tables": {
            name: {"columns": columns, "rows": snapshot.rows[name]} for name, columns in snapshot.tables.items()
        },
        "waiting": snapshot.query(_WAITING)[0][0],
        "lost_files": lost,
    }


def _check_database(member: archive.Member, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(member.blocks())
    try:
        dump.check_sqlite_file(path)
    except dump.DumpError as error:
        raise BadBackupError(str(error)) from None


def _check_manifest(manifest: Manifest, rows: dict[str, int]) -> None:
    """All that a restore leans on is there, and of the right kind."""
    try:
        shape: list[tuple[Any, type]] = [(manifest[name], kind) for name, kind in _SHAPE.items()]
        tables = {str(name): int(table["rows"]) for name, table in manifest["tables"].items()}
        wrong = [value for value, kind in shape if not isinstance(value, kind)]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadBackupError("its manifest is incomplete") from None
    if wrong:
        raise BadBackupError("its manifest is incomplete")
    if manifest["database"] == dump.POSTGRESQL and tables != rows:
        raise BadBackupError("it is damaged: rows are missing")
    if manifest["database"] == dump.SQLITE and dump.DATABASE not in manifest["members"]:
        raise BadBackupError("its database is missing")


_SHAPE: dict[str, type] = {
    "version": str,
    "made_at": str,
    "database": str,
    "migrations": list,
    "tables": dict,
    "waiting": int,
    "lost_files": list,
}
