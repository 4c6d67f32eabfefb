"""Whose turn it is to write next: one waits for the lock of the database, the others wait behind that one.

Policy: SQLite has no queue of writers; whoever looks just after a commit is next, and that is mostly who wrote last. So
all of ours first take the turn, which is a lock on a file beside the database, and give it up as soon as they write.
Who writes on and on finds it taken by who waits. A process that dies gives up its turn with its life. One that freezes
while it waits would keep it: after half a second in vain the others go without it for a while. The turn is a courtesy:
where its file cannot be made, opened or locked, everybody goes without it as well.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

SUFFIX = "-turn"
_PATIENCE = 0.5  # seconds
_WITHOUT = 10.0  # seconds after a wait in vain, and where no file is to be had
_STEP = 0.0003


class Turn:
    """Of one connection."""

    def __init__(self, database: str) -> None:
        self._database = Path(database)
        self._file: BinaryIO | None = None
        self._without_until = 0.0

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Ours meanwhile, if it is to be had."""
        file = self._take() if time.monotonic() > self._without_until else None
        try:
            yield
        finally:
            if file:
                with suppress(OSError, ValueError):  # another thread has closed the connection
                    fcntl.flock(file, fcntl.LOCK_UN)

    def _take(self) -> BinaryIO | None:
        """None where nobody may wait for it any longer."""
        deadline = time.monotonic() + _PATIENCE
        with suppress(OSError, ValueError):
            self._file = self._file or _open(self._database)
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return self._file
                if time.monotonic() > deadline:
                    break
                time.sleep(_STEP)
        self._without_until = time.monotonic() + _WITHOUT
        return None


def _open(database: Path) -> BinaryIO:
    path = database.with_name(database.name + SUFFIX)
    if not path.exists():
        _make(path, database.stat())
    return path.open("rb")


def _make(path: Path, like: os.stat_result) -> None:
    """For whom the database is for, as SQLite does with its own files: a command of root must not lock others out."""
    with path.open("ab") as made:
        os.fchmod(made.fileno(), stat.S_IMODE(like.st_mode))
        if os.geteuid() == 0:
            os.fchown(made.fileno(), like.st_uid, like.st_gid)
