"""Whose turn it is to write next: one waits for the lock of the database, the others wait behind that one.

Policy: SQLite has no queue of writers; whoever looks just after a commit is next, and that is mostly who wrote last. So
all of ours first take the turn, which is a lock on a file beside the database, and give it up as soon as they write.
Who writes on and on finds it taken by who waits. A process that dies gives up its turn with its life. One that freezes
while it waits would keep it: after half a second the others go without it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = "-turn"
_PATIENCE = 0.5  # seconds
_STEP = 0.0003


class Turn:
    """Of one connection."""

    def __init__(self, database: str) -> None:
        """OSError where no file can be made beside the database, which has to exist."""
        path = Path(database + SUFFIX)
        if not path.exists():
            _make(path, Path(database).stat())
        self._file = path.open("rb")

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def taken(self) -> Iterator[None]:
        deadline = time.monotonic() + _PATIENCE
        while not (ours := self._take()) and time.monotonic() < deadline:
            time.sleep(_STEP)
        try:
            yield
        finally:
            if ours:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _take(self) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False


def _make(path: Path, like: os.stat_result) -> None:
    """For whom the database is for, as SQLite does with its own files: a command of root must not lock others out."""
    with path.open("ab") as made:
        os.fchmod(made.fileno(), stat.S_IMODE(like.st_mode))
        if os.geteuid() == 0:
            os.fchown(made.fileno(), like.st_uid, like.st_gid)
