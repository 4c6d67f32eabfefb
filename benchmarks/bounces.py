"""CPU per message of reading bounces: `python -m benchmarks.bounces [--folder DIR] [--rounds N] [--perl-lib DIR]`.

Side by side in interleaved rounds, over all `.eml` files of a folder (our own samples, unless told otherwise): parsing
alone (`email`, compat32), Answerback (parse, read every recipient with codes, sort, name the cause), flufl.bounce
(addresses only; `pip install flufl.bounce`) and Sisimai for Perl, where they can be had. First in process, then as a
whole process with its start, user CPU of both. A message that a reader fails on, or takes longer than two seconds for,
is left out of that reader's time and counted. Prints one row for each: messages per second of user CPU (median of the
rounds, worst), and how many messages Answerback reads in the time of one.
"""

from __future__ import annotations

import email
import json
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import click

from mailroom.bounces.read import read
from mailroom.causes.classify import classify
from mailroom.message import parse
from mailroom.sorting import sort

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "corpus" / "bounces"
SECONDS_AT_MOST = 2
FLUFL = """
import email, sys
from flufl.bounce import all_failures
for path in sys.stdin:
    with open(path.strip(), "rb") as file:
        try: all_failures(email.message_from_binary_file(file))
        except Exception: pass
"""
SISIMAI = """
use Sisimai;
while (my $path = <STDIN>) { chomp $path; eval { Sisimai->rise($path) }; }
"""

Reader = Callable[[bytes], object]


class TooSlowError(Exception):
    """A reader did not come to an end."""


@click.command()
@click.option("--folder", type=click.Path(exists=True, path_type=Path), default=SAMPLES, help="Where the mails are.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--perl-lib", default="", help="Where Sisimai for Perl is installed.")
def main(folder: Path, rounds: int, perl_lib: str) -> None:
    paths = sorted(folder.rglob("*.eml"))
    click.echo(f"{len(paths)} mails, {rounds} rounds\n")
    readers = _readers()
    usable = {name: _usable(reader, paths) for name, reader in readers.items()}
    _table("in process", _rounds(rounds, {name: _in_process(readers[name], usable[name]) for name in readers}))
    for name in readers:
        if left := len(paths) - len(usable[name]):
            click.echo(f"{name}: {left} left out")
    whole = {name: _whole_process(command, paths) for name, command in _commands(perl_lib).items()}
    _table("whole process", _rounds(rounds, whole))


def _readers() -> dict[str, Reader]:
    readers: dict[str, Reader] = {"Answerback": _answerback, "parsing alone": email.message_from_bytes}
    if find_spec("flufl") and find_spec("flufl.bounce"):
        from flufl.bounce import all_failures

        readers["flufl.bounce"] = lambda raw: all_failures(email.message_from_bytes(raw))
    return readers


def _answerback(raw: bytes) -> object:
    mail = parse(raw)
    reading = read(mail)
    sort(mail, None, reading)
    return [classify(report) for report in reading.reports]


def _usable(reader: Reader, paths: Sequence[Path]) -> list[bytes]:
    """The mails that the reader comes to an end with; reading them once warms it as well."""
    signal.signal(signal.SIGALRM, _give_up)
    found = []
    for raw in (path.read_bytes() for path in paths):
        signal.alarm(SECONDS_AT_MOST)
        try:
            reader(raw)
        except Exception:
            continue
        finally:
            signal.alarm(0)
        found.append(raw)
    return found


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlowError


def _in_process(reader: Reader, mails: Sequence[bytes]) -> Callable[[], float]:
    def one_round() -> float:
        began = time.process_time()
        for raw in mails:
            reader(raw)
        return len(mails) / (time.process_time() - began)

    return one_round


def _commands(perl_lib: str) -> dict[str, Sequence[str]]:
    commands: dict[str, Sequence[str]] = {"Answerback": [sys.executable, "-m", "mailroom.read_bounce"]}
    if find_spec("flufl") and find_spec("flufl.bounce"):
        commands["flufl.bounce"] = [sys.executable, "-c", FLUFL]
    perl = [shutil.which("perl") or "", *([f"-I{perl_lib}"] if perl_lib else [])]
    if perl[0] and subprocess.run([*perl, "-MSisimai", "-e1"], capture_output=True, check=False).returncode == 0:
        commands["Sisimai for Perl"] = [*perl, "-e", SISIMAI]
    return commands


def _whole_process(command: Sequence[str], paths: Sequence[Path]) -> Callable[[], float]:
    as_json = command[-1] == "mailroom.read_bounce"
    lines = "".join(f"{json.dumps(str(path)) if as_json else path}\n" for path in paths)

    def one_round() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(command, input=lines, text=True, capture_output=True, check=False)
        return len(paths) / (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)

    return one_round


def _rounds(rounds: int, measured: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, one_round in measured.items():
            rates[name].append(one_round())
    return rates


def _table(title: str, rates: dict[str, list[float]]) -> None:
    ours = statistics.median(rates["Answerback"])
    click.echo(f"| {title} | mails per CPU second | worst round | time against ours |\n|---|---|---|---|")
    for name, found in rates.items():
        rate = statistics.median(found)
        click.echo(f"| {name} | {rate:.0f} | {min(found):.0f} | {ours / rate:.2f} |")
    click.echo("")


if __name__ == "__main__":
    main()
