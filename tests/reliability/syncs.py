"""What a worker writes, syncs, says and hears, in this order, as strace sees it. SQLite only: the files of PostgreSQL
are written by a server that is not ours.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tests.reliability.installation import Nursery

CALLS = "pwrite64,fsync,fdatasync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
_CALL = re.compile(
    r"(?P<pid>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\(\d+<(?P<path>.*?)>(?=[,) ]))(?P<rest>.*)"
)


class Did(Enum):
    WROTE = auto()  # into the write-ahead log
    SYNCED = auto()
    HEARD = auto()
    SAID = auto()


@dataclass(frozen=True)
class Step:
    did: Did
    thread: int
    words: str = ""  # of what was heard or said


@contextmanager
def traced(nursery: Nursery, into: Path) -> Iterator[None]:
    """What the nursery starts meanwhile is traced."""
    command = [
        *(
            "strace",
            "--follow-forks",
            f"--attach={nursery.process.pid}",
            f"--output={into}",
            "--decode-fds=path,socket",
        ),
        *(f"--trace={CALLS}", "--string-limit=4000", "--quiet=exit,personality"),
    ]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr
    assert "attached" in (said := tracer.stderr.readline()), said
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()


def steps(trace: Path) -> list[Step]:
    """Nothing is taken for done before it is: writing and saying count where they begin, the others where they end."""
    under_way: dict[int, tuple[str, str]] = {}  # thread -> its call, and the file
    found = []
    for line in trace.read_text(errors="replace").splitlines():
        if not (match := _CALL.match(line)):
            continue
        thread, unfinished = int(match["pid"]), "<unfinished ...>" in line
        if match["resumed"]:
            call, path = under_way.pop(thread, ("", ""))
            begins, ends = False, True
        else:
            call, path = match["call"], match["path"]
            begins, ends = True, not unfinished
        if unfinished:
            under_way[thread] = call, path
        found += _step(call, path, match["rest"], thread, begins, ends)
    return found


def _step(call: str, path: str, rest: str, thread: int, begins: bool, ends: bool) -> Sequence[Step]:
    if path.endswith("-wal"):
        if call == "pwrite64" and begins:
            return [Step(Did.WROTE, thread)]
        if call in ("fsync", "fdatasync") and ends and rest.rstrip().endswith("= 0"):
            return [Step(Did.SYNCED, thread)]
    elif path.startswith("TCP"):
        if call in ("write", "writev", "sendto", "sendmsg") and begins:
            return [Step(Did.SAID, thread, rest)]
        if call in ("read", "recvfrom", "recvmsg") and ends:
            return [Step(Did.HEARD, thread, rest)]
    return []


def is_safe(between: Sequence[Step]) -> bool:
    """Whether some thread wrote and then synced what it wrote."""
    wrote = set()
    for step in between:
        if step.did is Did.WROTE:
            wrote.add(step.thread)
        elif step.did is Did.SYNCED and step.thread in wrote:
            return True
    return False
