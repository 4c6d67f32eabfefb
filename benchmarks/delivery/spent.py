"""What processes have used: processor time, which a machine that is never alone cannot distort much, and memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """What carrying a number of mails took."""

    mails: int
    seconds: float
    processor: float  # seconds, of all processes that did the work

    @property
    def rate(self) -> float:
        return self.mails / self.seconds

    @property
    def per_mail(self) -> float:
        """Microseconds of processor time."""
        return self.processor / self.mails * 1e6


def processor_seconds(roots: Iterable[int]) -> float:
    """What these processes and their children have used so far, those that have ended included."""
    parents: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        pid = int(path.parent.name)
        parents.setdefault(int(fields[1]), []).append(pid)
        used[pid] = sum(map(int, fields[11:15]))
    todo, total = list(roots), 0
    while todo:
        pid = todo.pop()
        total += used.get(pid, 0)
        todo += parents.get(pid, [])
    return total / _TICKS


def memory(pid: int, figure: str) -> int:
    """Octets of memory of one process: "VmRSS" now, "VmHWM" at most so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{figure}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(figure)
