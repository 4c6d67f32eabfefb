"""Names of processes, and who is proven dead by whom: machines, clones and containers as the system shows them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from tests.outbound.conftest import Outbox

from answerback.outbound import claims, owners
from answerback.outbound.models import Delivery

FIRST_BOOT, SECOND_BOOT = "0d11243d-31b2-4a4c", "9c1e7a52-77aa-41d0"
OLDER_VERSION = "vm:4026531836:77:5000:ffffffff:0a1b2c"  # the host's name as it was, cut to 16 characters


@dataclass(frozen=True)
class Machine:
    """What a process sees of where it runs; `started` of its own process, None where that is gone."""

    host: str = "vm"
    machine_id: str = "3d1219c7c4c54"
    cards: tuple[str, ...] = ("52:54:00:00:00:01",)
    bridges: tuple[str, ...] = ("02:42:ac:11:00:02",)
    namespace: str = "4026531836"
    boot: str = FIRST_BOOT
    started: str | None = "5000"


Enter = Callable[[Machine], None]


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """From now on this process runs there."""
    number = count()

    def enter(machine: Machine) -> None:
        root = tmp_path / str(next(number))
        monkeypatch.setattr(socket, "gethostname", lambda: machine.host)
        for name in ("proc/self/ns", "proc/sys/kernel/random", f"proc/{os.getpid()}", "net", "etc"):
            (root / name).mkdir(parents=True)
        (root / "proc/self/ns/pid").symlink_to(f"pid:[{machine.namespace}]")
        (root / "proc/sys/kernel/random/boot_id").write_text(machine.boot + "\n")
        if machine.started:
            fields = ["S", *["0"] * 18, machine.started]
            (root / f"proc/{os.getpid()}/stat").write_text(f"{os.getpid()} (python) {' '.join(fields)}")
        if machine.machine_id:
            (root / "etc/machine-id").write_text(machine.machine_id + "\n")
        for place, address in enumerate((*machine.cards, *machine.bridges)):
            (root / f"net/eth{place}").mkdir()
            (root / f"net/eth{place}/address").write_text(address + "\n")
        for place in range(len(machine.cards)):
            (root / f"net/eth{place}/device").mkdir()
        for constant, path in (("_PROC", "proc"), ("_MACHINE_ID", "etc/machine-id"), ("_NETWORK", "net")):
            monkeypatch.setattr(owners, constant, root / path)

    return enter


VM = Machine()
CONTAINER = Machine("worker", "", cards=(), namespace="4026532201")


@pytest.mark.parametrize(
    ("owner", "judge", "dead"),
    [
        pytest.param(VM, VM, False, id="it lives"),
        pytest.param(VM, Machine(started=None), True, id="no such process"),
        pytest.param(VM, Machine(started="7000"), True, id="another process has its number"),
        pytest.param(VM, Machine(boot=SECOND_BOOT), True, id="the machine was started anew"),
        pytest.param(
            Machine("ip-172-31-100-101.eu-central-1"),
            Machine("ip-172-31-100-102.eu-central-1", boot=SECOND_BOOT),
            False,
            id="names that begin alike",
        ),
        pytest.param(
            Machine("answerback-worker-1", started="5000"),
            Machine("answerback-worker-2", started=None),
            False,
            id="names that begin alike, one kernel",
        ),
        pytest.param(VM, Machine(machine_id="77aa", boot=SECOND_BOOT), False, id="one name for two machines"),
        pytest.param(
            VM, Machine(cards=("52:54:00:00:00:02",), boot=SECOND_BOOT), False, id="a clone, told by its card"
        ),
        pytest.param(
            Machine(cards=()), Machine(cards=(), boot=SECOND_BOOT), False, id="clones, and nothing tells them apart"
        ),
        pytest.param(CONTAINER, Machine("worker", "", (), namespace="4026532201", started=None), True, id="its own"),
        pytest.param(
            CONTAINER, Machine("worker", "", (), namespace="4026532300", started=None), False, id="two of one host"
        ),
        pytest.param(
            Machine("worker", "ba4ed1", (), namespace="4026532201"),
            Machine("worker", "ba4ed1", (), namespace="4026532201", boot=SECOND_BOOT),
            False,
            id="one image, two hosts",
        ),
    ],
)
def test_who_is_proven_dead(enter: Enter, owner: Machine, judge: Machine, dead: bool) -> None:
    enter(owner)
    name = owners.this_process()
    enter(judge)
    assert owners.is_dead(name) is dead


@pytest.mark.parametrize("name", ["", "somebody else", OLDER_VERSION, ":::::", "vm::77:::"])
def test_of_who_cannot_be_placed_nothing_is_proven(enter: Enter, name: str) -> None:
    enter(VM)
    assert not owners.is_dead(name)


def test_where_the_system_tells_nothing_nothing_is_proven(
    enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(VM)
    name = owners.this_process()
    monkeypatch.setattr(owners, "_PROC", tmp_path / "none")
    assert not owners.is_dead(name)
    assert not owners.is_dead(owners.this_process())


@pytest.mark.parametrize(
    ("said", "dead"),
    [
        pytest.param(ProcessLookupError, True, id="there is none"),
        pytest.param(PermissionError, False, id="it is somebody else's, and hidden from us"),
    ],
)
def test_a_process_that_is_not_to_be_seen_is_asked_for(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, said: type[OSError], dead: bool
) -> None:
    def kill(pid: int, signal: int) -> None:
        raise said

    enter(VM)
    name = owners.this_process()
    enter(Machine(started=None))
    monkeypatch.setattr(os, "kill", kill)
    assert owners.is_dead(name) is dead


def test_who_can_open_no_file_proves_nothing(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(VM)
    name, read = owners.this_process(), Path.read_text

    def read_text(path: Path, *how: str) -> str:
        if path.name == "stat":
            raise OSError(errno.EMFILE, "Too many open files")
        return read(path, *how)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert not owners.is_dead(name)


def test_the_longest_name_fits_its_column(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(Machine("worker." * 36, namespace="4294967295", started="9" * 12))
    monkeypatch.setattr(os, "getpid", lambda: 4_194_304)  # the largest of Linux
    monkeypatch.setattr(owners, "_started", lambda pid: "9" * 12)  # in 317 years
    assert len(owners.this_process()) <= 64
    assert len({owners.this_process() for _ in range(9)}) == 9


@pytest.mark.parametrize("host", ["ip-172-31-100-102", "ip-172-31-100-101"])
def test_what_another_machine_carries_stays_there(enter: Enter, outbox: Outbox, host: str) -> None:
    """Only the machine that was started anew takes back what it had claimed."""
    enter(Machine("ip-172-31-100-101"))
    outbox()
    claims.take(owners.this_process(), "", lambda destination, lane: 10)
    enter(Machine(host, boot=SECOND_BOOT))
    assert claims.recover_from_the_dead() == (2 if host == "ip-172-31-100-101" else 0)


def test_what_an_older_version_claimed_waits_for_its_lease(enter: Enter, outbox: Outbox) -> None:
    enter(VM)
    outbox()
    claims.take(OLDER_VERSION, "", lambda destination, lane: 10)
    assert claims.recover_from_the_dead() == 0
    assert set(Delivery.objects.values_list("state", "owner")) == {("sending", OLDER_VERSION)}
