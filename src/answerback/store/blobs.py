"""Files under random names: attachments, and received mail too large for a row.

Policy: the row is written last and deleted first. Bytes go to a temporary file, file and folder are fsynced, the file
gets its name, the folder is fsynced again; only then does a `Blob` row say that it exists. A crash in between leaves a
file that no row names, never a row without its file. Where a file goes with the rows that name it, these are deleted
and the file is let go in one transaction; the tidying worker does the rest, so that a crash leaves nothing behind.
Nothing a stranger wrote ever becomes part of a path.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from answerback.core import clock, ids
from answerback.store.models import Blob

_FOLDER = "blobs"
_UNFINISHED = ".part"


class MissingBlobError(LookupError):
    """A row whose file is gone: the disk lost it, or the folder was moved. Not an OSError: waiting does not help."""


def save(content: bytes) -> Blob:
    """Keep `content` and write its row. OSError where the disk refuses; then there is no row."""
    blob = write(content)
    blob.save()
    return blob


def write(content: bytes) -> Blob:
    """Keep `content`; the row is still to be saved, so that the disk is waited for outside of a transaction."""
    name = ids.random_name()
    _write_durably(path_of(name), content)
    return Blob(name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content), stored_at=clock.now())


def write_as(name: str, content: bytes) -> None:
    """Bring back the file of a row that a backup holds."""
    _write_durably(path_of(name), content)


def read(blob: Blob) -> bytes:
    """The whole content. MissingBlobError."""
    try:
        return path(blob).read_bytes()
    except FileNotFoundError as error:
        raise MissingBlobError(blob.name) from error


def forget(blob: Blob) -> bool:
    """Delete the row. False where something else still names it. The file follows once that is committed."""
    try:
        blob.delete()
    except ProtectedError:
        return False
    return True


def let_go(files: Iterable[Blob]) -> None:
    """What named them is gone, in the caller's transaction. A file that something else names stays."""
    Blob.objects.filter(pk__in=[blob.pk for blob in files]).update(let_go_at=clock.now())


def remove_let_go(limit: int = 500) -> int:
    """Take away files that were let go; gives how many."""
    return sum(_remove(blob) for blob in Blob.objects.filter(let_go_at__isnull=False).order_by("id")[:limit])


def _remove(blob: Blob) -> bool:
    """The file goes before the commit: where that fails the row still says what is to be done."""
    with transaction.atomic():
        if not forget(blob):
            Blob.objects.filter(pk=blob.pk).update(let_go_at=None)
            return False
        remove_file(blob)
    return True


def remove_file(blob: Blob) -> None:
    """Of a blob whose row is gone."""
    path_of(blob.name).unlink(missing_ok=True)


def path(blob: Blob) -> Path:
    """Where the file lies, for streaming it."""
    return path_of(blob.name)


def folder() -> Path:
    """Where all files lie. It may not be there yet."""
    return Path(settings.DATA_DIR) / _FOLDER


def path_of(name: str) -> Path:
    """Where the file of a row of that name lies."""
    return folder() / name[:2] / name


def _write_durably(target: Path, content: bytes) -> None:
    parent = target.parent
    if not parent.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        sync_folder(parent.parent)
        sync_folder(parent.parent.parent)
    unfinished = target.with_suffix(_UNFINISHED)
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(parent)


def sync_folder(path: Path) -> None:
    """Make names in a folder durable: a renamed file may vanish at power loss without it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
