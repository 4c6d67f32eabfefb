"""Who holds a lease: a name for this process by which another one can prove that it is dead.

`host:namespace:pid:started:boot:random`. A process is proven dead only by somebody on the same host, in the same PID
namespace (two containers can share a host name): after another boot, or where no process has that id and start time.
Where /proc does not tell (not Linux) nothing is proven, and the lease runs out by itself.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_START_TIME = 19  # field 22 of /proc/PID/stat, counted from behind the command's closing parenthesis


@dataclass(frozen=True, slots=True)
class _Place:
    """Where this process runs; "" for what the system does not tell."""

    host: str
    namespace: str
    boot: str


def this_process() -> str:
    """A new name, different with every call, at most 64 characters."""
    place, pid = _here(), os.getpid()
    return ":".join((place.host, place.namespace, str(pid), _started(pid) or "", place.boot, secrets.token_hex(3)))


def is_dead(owner: str) -> bool:
    """Whether the process of that name has certainly ended."""
    host, namespace, pid, started, boot, _ = (owner.split(":") + [""] * 6)[:6]
    here = _here()
    if not (started and boot and pid.isdigit() and host == here.host):
        return False
    if boot != here.boot:
        return bool(here.boot)
    return namespace == here.namespace and _started(int(pid)) != started


def _here() -> _Place:
    host = "".join(letter for letter in socket.gethostname() if letter not in ":")[:16]
    try:
        namespace = os.readlink(_PROC / "self/ns/pid").removeprefix("pid:[").removesuffix("]")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii")[:8]
    except OSError:
        return _Place(host, "", "")
    return _Place(host, namespace[-10:], boot)


def _started(pid: int) -> str | None:
    """When the process began, in clock ticks since the boot; None where there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[:1] in (["Z"], ["X"]) else fields[_START_TIME]
