"""A desk is backed up while mail comes in, and brought back elsewhere: whole, or noticed as half."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from answerback import checks

pytestmark = pytest.mark.both_databases
ON_POSTGRESQL = os.environ.get("ANSWERBACK_TEST_DATABASE") == "postgresql"
PRODUCT = "from answerback.cli import main; main()"

# In processes of their own: a backup is of the default database, and a restore replaces it.
MADE = """
import threading, time
from answerback.cli import start_django
start_django()
from answerback.cli import backup
from pathlib import Path
from django.conf import settings
from django.db import connection
from answerback.cli.migrate import migrate
migrate()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
from tests.world import make_world
from answerback.core import clock
from answerback.outbound import lifecycle
from answerback.outbound.models import Delivery
from answerback.store import blobs, raw

world = make_world()
raw.save(b"From: c@customer.test\\r\\n\\r\\n" + b"\\\\ and \\t, ASCII and \\xc3\\xa4\\r\\n" * 20_000, doorway="smtp")
raw.save(b"From: c@customer.test\\r\\n\\r\\n" + bytes(range(256)), doorway="smtp")
lost = blobs.save(b"gone from the disk")
blobs.remove_file(lost)
ticket = world.ticket("Tab\\tand \\\\N and \\n new line", ccs=[world.deniz])
world.answer(ticket)
[sending, queued] = Delivery.objects.filter(ticket=ticket).order_by("id")
lifecycle.claim([sending.pk], "elsewhere", clock.now())

began, stop = threading.Event(), threading.Event()
def receive():
    while not stop.is_set():
        raw.save(b"Subject: while it runs\\r\\n\\r\\n", doorway="smtp")
        began.set()
        time.sleep(0.01)
    connection.close()
writer = threading.Thread(target=receive)
writer.start()
began.wait()
backup.command.main([str(Path(settings.DATA_DIR).parent / "desk.tar.gz")], standalone_mode=False)
stop.set()
writer.join()
"""

TOLD = """
import json
from answerback.cli import start_django
start_django(half_the_data_will_do=True)
from django.db import connection
from answerback.outbound.models import Delivery
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket
first, second = RawMail.objects.order_by("id")[:2]
connection.check_constraints()
print(json.dumps({
    "ticket": Ticket.objects.get().subject,
    "mail": [len(raw.content(first)), raw.content(second)[-256:].hex()],
    "received": RawMail.objects.count(),
    "deliveries": list(Delivery.objects.order_by("id").values_list("state", "owner", "ambiguous", "hold_reason")),
    "next": raw.save(b"x", doorway="smtp").pk - RawMail.objects.order_by("-id")[1].pk,
}))
"""


@dataclass
class Place:
    """A data folder and a database."""

    folder: Path
    url: str

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSWERBACK_")},
            "ANSWERBACK_CONFIG": os.devnull,
            "ANSWERBACK_DATA_DIR": str(self.folder),
            "ANSWERBACK_DATABASE_URL": self.url,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python(PRODUCT, *arguments)

    def told(self) -> dict[str, Any]:
        done = self.python(TOLD)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def make_place(folder: Path, name: str) -> Place:
    place = folder / name
    place.mkdir()
    if not ON_POSTGRESQL:
        return Place(place / "data", f"sqlite:///{place / 'desk.sqlite3'}")
    url = os.environ["ANSWERBACK_TEST_DATABASE_URL"]
    database = f"backup_{name}_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    server, _, query = url.partition("?")
    return Place(place / "data", f"{server.rpartition('/')[0]}/{database}" + (f"?{query}" if query else ""))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a desk that was receiving mail."""
    place = make_place(tmp_path_factory.mktemp("made"), "source")
    done = place.python(MADE)
    assert done.returncode == 0, done.stderr
    assert "2 deliveries waiting" in done.stdout
    assert "1 files that the database names are gone" in done.stderr
    return place.folder.parent / "desk.tar.gz"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("elsewhere"), "target")


def test_a_desk_is_brought_back_elsewhere_and_once_more(made: Path, elsewhere: Place) -> None:
    done = elsewhere.run("restore", str(made))
    assert done.returncode == 0, done.stderr
    assert "2 deliveries wait" in done.stderr
    assert "--hold-queue" in done.stderr
    found = elsewhere.told()
    assert found["ticket"] == "Tab\tand \\N and \n new line"
    assert found["mail"] == [25 + 20_000 * 23, bytes(range(256)).hex()]
    assert found["received"] > 2
    assert found["next"] == 1
    assert found["deliveries"] == [["queued", "", True, ""], ["queued", "", False, ""]]

    refused = elsewhere.run("restore", str(made))
    assert (refused.returncode, "There is data here already" in refused.stderr) == (1, True)

    # a restore that breaks off: the first bytes are sound, and it is killed when it has just made room
    broken = elsewhere.python(BROKEN_OFF, str(made))
    assert broken.returncode == 9, broken.stderr
    half = elsewhere.run("serve")
    assert (half.returncode, "half restored" in half.stderr) == (2, True)
    assert "half restored" in elsewhere.run("doctor").stdout

    held = elsewhere.run("restore", "--hold-queue", "--quiet", str(made))
    assert held.returncode == 0, held.stderr
    assert "2 deliveries are held" in held.stderr
    assert "What was here before is kept: " in held.stdout
    found = elsewhere.told()
    assert [row[0] for row in found["deliveries"]] == ["held", "held"]
    assert {row[3] for row in found["deliveries"]} == {"restored"}
    assert not (elsewhere.folder / checks.HALF_RESTORED).exists()
    assert [path.name for path in elsewhere.folder.iterdir() if path.name.startswith("blobs.before-restore-")]


# what a power cut leaves: the mark, what was there set aside, nothing in its place
BROKEN_OFF = """
import os, sys
from pathlib import Path
from answerback.cli import start_django
start_django()
from answerback.core import dump
from answerback.desk.keeping import restore
path = Path(sys.argv[1])
manifest = restore.read_backup(path)
restore._write_member = lambda *arguments: os._exit(9)
restore.bring_back(path, manifest, True, print)
"""


def test_a_bad_backup_changes_nothing(made: Path, tmp_path: Path) -> None:
    place = make_place(tmp_path, "untouched")
    cut_off, newer, foreign = (tmp_path / f"{name}.tar.gz" for name in ("cut_off", "newer", "foreign"))
    cut_off.write_bytes(made.read_bytes()[:-5000])
    changed(made, newer, version="99.0.0")
    bad = {cut_off: "cut off", newer: "newer than this one"}
    if not ON_POSTGRESQL:
        changed(made, foreign, database="postgresql", tables={})
        bad[foreign] = "made on PostgreSQL, and this is SQLite"
    for path, words in bad.items():
        done = place.run("restore", str(path))
        assert done.returncode == 1
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (place.folder / checks.HALF_RESTORED).exists()
    assert not (place.folder.parent / "desk.sqlite3").exists()


def changed(backup: Path, target: Path, **manifest: object) -> None:
    """The same backup with other words in its manifest."""
    with (
        tarfile.open(backup) as old,
        gzip.open(target, "wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w") as new,
    ):
        for info in old:
            file = old.extractfile(info)
            assert file
            content = file.read()
            if info.name == "manifest.json":
                content = json.dumps(json.loads(content) | manifest).encode()
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
