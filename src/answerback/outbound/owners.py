"""Who holds a lease: a name for this process by which another one can prove that it is dead.

`machine:namespace:pid:started:boot:random`. A process is proven dead only by somebody on the same machine: in the same
boot and PID namespace where no process has that id and start time; after another boot where the machine is known for
sure, which takes a network card of its own. Clones have the host name and the machine id of their original, containers
those of their image, and each of them another boot than the next: only the addresses of their cards differ. Where
/proc does not tell (not Linux), or somebody cannot be placed, nothing is proven, and the lease runs out by itself.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")  # machine-id(5): to be hashed before anybody reads it elsewhere
_NETWORK = Path("/sys/class/net")
_START_TIME = 19  # field 22 of /proc/PID/stat, counted from behind the command's closing parenthesis


@dataclass(frozen=True, slots=True)
class _Place:
    """Where this process runs; "" for what the system does not tell."""

    machine: str
    has_cards: bool  # no other machine has this name
    namespace: str
    boot: str


def this_process() -> str:
    """A new name, different with every call, at most 64 characters."""
    place, pid = _here(), os.getpid()
    return ":".join((place.machine, place.namespace, str(pid), _started(pid), place.boot, secrets.token_hex(3)))


def is_dead(owner: str) -> bool:
    """Whether the process of that name has certainly ended."""
    machine, namespace, pid, started, boot, _ = (owner.split(":") + [""] * 6)[:6]
    here = _here()
    if not (started and boot and here.boot and pid.isdigit() and machine == here.machine):
        return False
    if boot != here.boot:
        return here.has_cards
    return namespace == here.namespace and _is_gone(int(pid), started)


def _here() -> _Place:
    cards = _cards()
    machine = _digest(socket.gethostname(), _read(_MACHINE_ID), *cards)
    try:
        namespace = os.readlink(_PROC / "self/ns/pid").removeprefix("pid:[").removesuffix("]")
    except OSError:
        return _Place(machine, bool(cards), "", "")
    return _Place(machine, bool(cards), namespace[-10:], _read(_PROC / "sys/kernel/random/boot_id")[:8])


def _cards() -> list[str]:
    """The addresses of the network cards. What only software made, as for a container, has no device behind it."""
    addresses = {_read(card.parent / "address") for card in _NETWORK.glob("*/device")}
    return sorted(addresses - {""})


def _digest(*words: str) -> str:
    """Of the whole name: names of a cloud's machines differ in their last letters."""
    return blake2b("\0".join(words).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _is_gone(pid: int, started: str) -> bool:
    """Whether certainly no process has that id and start time any more."""
    try:
        now = _start_time(pid)
    except (FileNotFoundError, ProcessLookupError):
        return not _is_hidden(pid)
    except OSError:  # of ours: no file can be opened just now
        return False
    return now != started


def _is_hidden(pid: int) -> bool:
    """/proc may show everybody only what is their own (proc(5): hidepid)."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _started(pid: int) -> str:
    """When the process began, in clock ticks since the boot; "" where the system does not tell."""
    try:
        return _start_time(pid)
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """The same; "" of a process that has ended and whose parent has not taken notice. Raises OSError."""
    stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    fields = stat.rpartition(")")[2].split()
    return "" if fields[:1] in (["Z"], ["X"]) else fields[_START_TIME]
