"""What stops the start: one line that says what is wrong and how to mend it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from answerback import checks
from answerback.env import BadSettingError

PRODUCT = (sys.executable, "-c", "from answerback.cli import main; main()")


@pytest.mark.parametrize("version, allowed", [((3, 51, 3), False), ((3, 53, 4), False), ((3, 40, 1), True)])
def test_sqlite_that_may_run(version: tuple[int, ...], allowed: bool) -> None:
    checks.check_sqlite(version, allowed)


def test_old_sqlite_is_refused() -> None:
    with pytest.raises(BadSettingError, match="ANSWERBACK_ALLOW_OLD_SQLITE"):
        checks.check_sqlite((3, 40, 1), allow_old=False)


def test_the_start_looks_at_the_sqlite_that_runs(monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    """Where the database is a PostgreSQL it may be as old as it likes: a file that is there is looked at."""
    monkeypatch.setattr(checks.sqlite3, "sqlite_version_info", (3, 40, 1))
    if settings.DATABASES["default"]["ENGINE"] == "answerback.core.sqlite":  # type: ignore[attr-defined]
        with pytest.raises(BadSettingError, match="ANSWERBACK_ALLOW_OLD_SQLITE"):
            checks.check_start()
    else:
        checks.check_start()


@pytest.mark.parametrize("url", ["", "http://x", "smtp://", "smtp://u:secret@h:99999", "smtp://h?tls=perhaps"])
def test_relay_nobody_understands(url: str) -> None:
    with pytest.raises(BadSettingError, match="ANSWERBACK_RELAY_URL") as refused:
        checks.check_relay(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("server", ["dns.example:53", "192.0.2.53:", "192.0.2.53:99999", "2001:db8::53:x", "53"])
def test_a_name_server_that_is_none(server: str, settings: object) -> None:
    """Seen as mail that waited, because of "invalid literal for int() with base 10"."""
    settings.RESOLVER = server  # type: ignore[attr-defined]
    with pytest.raises(BadSettingError, match=r"ANSWERBACK_RESOLVER cannot be used: .* is no IP address with a port"):
        checks.check_start()


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSWERBACK_")}
    wanted = {f"ANSWERBACK_{name}": value for name, value in settings.items()}
    environment = clean | {"ANSWERBACK_DATA_DIR": str(folder)} | wanted
    return subprocess.run([*PRODUCT, *arguments], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "verb, settings, named",
    [
        ("serve", {"RELAY_URL": "smtp://"}, "ANSWERBACK_RELAY_URL"),
        ("serve", {"EXPIRE_AFTER": "soon"}, "ANSWERBACK_EXPIRE_AFTER"),
        ("worker", {"RELAY_URL": "smtp://h?tls=perhaps"}, "ANSWERBACK_RELAY_URL"),
        ("migrate", {"DATABASE_URL": "mysql://x"}, "ANSWERBACK_DATABASE_URL"),
        ("web", {"HTTP_LISTEN": "8025"}, "ANSWERBACK_HTTP_LISTEN"),
    ],
)
def test_bad_setting_is_one_line(tmp_path: Path, verb: str, settings: dict[str, str], named: str) -> None:
    ended = run(tmp_path / "data", verb, **settings)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_occupied_port_makes_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run(
            tmp_path / "x", "demo", "--data", str(tmp_path / "demo"), "--http", address, "--smtp", "127.0.0.1:0"
        )
    assert ended.returncode == 2
    assert address in ended.stderr
    assert not (tmp_path / "demo").exists()


def test_a_doctor_before_the_first_migration_names_one_thing_to_do(tmp_path: Path) -> None:
    ended = run(tmp_path / "data", "doctor", RELAY_URL="smtp://127.0.0.1:2525")
    assert ended.returncode == 1
    assert "no such table" not in ended.stdout
    assert ended.stdout.count("answerback migrate") == 1
    assert ended.stdout.count("not known before the database is ready") >= 3


def test_processes_that_start_at_once_do_not_find_the_folder_read_only(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        refused = [attempt.exception() for attempt in [threads.submit(_check_often, tmp_path) for _ in range(8)]]
    assert refused == [None] * 8
    assert not list(tmp_path.iterdir())


def _check_often(folder: Path) -> None:
    for _ in range(100):
        checks.check_data_folder(folder)
