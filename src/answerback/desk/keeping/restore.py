"""Bringing a backup back: all of it, or a mark that says that only half is there.

Policy: the backup is read to its end before anything is written. A mark in the data folder comes first and goes last;
while it is there nothing but another restore starts. What somebody has worked with is set aside under another name,
never deleted; what an earlier restore left half done is cleared. Nobody holds a lease in a database that was brought
back, so what was being sent then waits again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.migrations.loader import MigrationLoader

from answerback import __version__, checks
from answerback.core import clock, dump
from answerback.desk.keeping.backup import BLOBS, SECRET_KEY, Say, verify
from answerback.outbound import lifecycle, way_back
from answerback.outbound.models import Delivery, Message
from answerback.store import archive, blobs
from answerback.store.archive import BadBackupError, Manifest
from mailroom.states import Fact

# where somebody's work begins; all else a new installation brings along
_WORK = (
    "people_person", "people_account", "store_rawmail", "store_blob", "tickets_ticket", "tickets_supportaddress",
    "outbound_message", "outbound_dkimkey",
)  # fmt: skip
_BATCH = 500


class NotEmptyError(Exception):
    """Somebody has worked with this installation, and nobody has said that it may be set aside."""


def read_backup(path: Path) -> Manifest:
    """Read all of it, and see whether it can be brought back here. BadBackupError, OSError."""
    manifest = verify(path)
    if manifest["database"] != dump.kind():
        raise BadBackupError(f"it was made on {_NAMES[manifest['database']]}, and this is {_NAMES[dump.kind()]}")
    known = set(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)
    if _numbers(manifest["version"]) > _numbers(__version__) or not _applied(manifest) <= known:
        raise BadBackupError(
            f"it was made by Answerback {manifest['version']}, which is newer than this one ({__version__}): "
            "update this one first"
        )
    return manifest


def bring_back(path: Path, manifest: Manifest, replace: bool, say: Say) -> list[str]:
    """Put the backup in place of what is here, still to be migrated and to be finished; say what was set aside.

    NotEmptyError without `replace`; BadBackupError, DumpError, DatabaseError, OSError.
    """
    mark = _read_mark() or _new_mark(path, replace)
    dump.refuse_while_used()
    _write_mark(mark)
    kept = _make_room(mark, say)
    say("Restoring")
    reader = archive.Reader(path)
    tables = {name: table["columns"] for name, table in manifest["tables"].items()}
    with dump.loading(_applied(manifest), tables) as load:
        for member in reader.members():
            _write_member(member, load, say)
    return kept


def finish(hold: bool) -> tuple[int, int]:
    """After the migrations: nobody is sending any more. Deliveries that will go by themselves, and those now held."""
    with transaction.atomic():
        lifecycle.end_leases(Delivery.objects.all())
    way_back.give_up_waiting()
    held = _hold_customers_mail() if hold else 0
    _mark_path().unlink()
    blobs.sync_folder(_mark_path().parent)
    return Delivery.objects.filter(next_attempt_at__isnull=False).count(), held


def _hold_customers_mail() -> int:
    """Mail to colleagues goes: nobody could release it."""
    waiting = Delivery.objects.filter(next_attempt_at__isnull=False, ticket__isnull=False)
    ids = list(waiting.exclude(kind=Message.Kind.AGENT).order_by("id").values_list("pk", flat=True))
    batches = (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
    return sum(len(lifecycle.decide(batch, Fact.HOLD, reason=lifecycle.RESTORED)) for batch in batches)


# The mark


def _mark_path() -> Path:
    return Path(settings.DATA_DIR) / checks.HALF_RESTORED


def _read_mark() -> dict[str, Any] | None:
    """Of a restore that broke off."""
    try:
        mark: dict[str, Any] = json.loads(_mark_path().read_text("utf-8"))
    except FileNotFoundError:
        return None
    return mark


def _new_mark(path: Path, replace: bool) -> dict[str, Any]:
    unused = dump.is_unused(_WORK) and not any(blobs.folder().glob("*/*"))
    if not unused and not replace:
        raise NotEmptyError
    name = "" if unused else f"before-restore-{clock.now():%Y%m%d-%H%M%S}"
    return {"backup": str(path), "set_aside": name, "room_made": False}


def _write_mark(mark: dict[str, Any]) -> None:
    _write_durably(_mark_path(), json.dumps(mark).encode())


def _make_room(mark: dict[str, Any], say: Say) -> list[str]:
    """Set aside, or clear what a restore left half done or nobody has used. May be repeated at any point."""
    kept: list[str] = mark.get("kept", [])
    if mark["set_aside"] and not mark["room_made"]:
        say("Setting aside what is here")
        kept = [dump.set_aside(mark["set_aside"]), *_set_aside_files(mark["set_aside"])]
    else:
        dump.clear()
        shutil.rmtree(blobs.folder(), ignore_errors=True)
    _write_mark({**mark, "room_made": True, "kept": kept})
    return kept


def _set_aside_files(name: str) -> list[str]:
    kept = []
    for path in (blobs.folder(), Path(settings.DATA_DIR) / SECRET_KEY):
        if path.exists():
            aside = path.with_name(f"{path.name}.{name}")
            path.rename(aside)
            kept.append(str(aside))
    return kept


def _write_member(member: archive.Member, load: Callable[[str, dump.Read], None], say: Say) -> None:
    if member.name.startswith(BLOBS):
        blobs.write_as(member.name.removeprefix(BLOBS), b"".join(member.blocks()))
    elif member.name == SECRET_KEY:
        _write_durably(Path(settings.DATA_DIR) / SECRET_KEY, b"".join(member.blocks()))
    else:
        say(f"Restoring {member.name}")
        load(member.name, member.read)


def _write_durably(path: Path, content: bytes) -> None:
    """Readable by its owner only, and all of it or what was there before."""
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    blobs.sync_folder(path.parent)


_NAMES = {dump.SQLITE: "SQLite", dump.POSTGRESQL: "PostgreSQL"}


def _applied(manifest: Manifest) -> set[tuple[str, str]]:
    return {(app, name) for app, name in manifest["migrations"]}


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
