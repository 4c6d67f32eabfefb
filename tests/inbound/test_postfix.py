"""With a real Postfix: as the relay that reports what it could not deliver, and as who hands mail into our pipe."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.inbound.postfix import NOT_ROOT, Postfix, running_postfix
from tests.journeys.conftest import eventually, free_port
from tests.outbound.hop import Hop
from tests.reliability.installation import make_installation
from tests.reliability.outbox import in_a_thread

ANSWERED = """
from answerback.cli import start_django
start_django()
from django.conf import settings
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
from tests.world import make_world
from answerback.people import identities
world = make_world()
gone = identities.find_or_create("550+gone@customer.test", "Greta Gone", "en").person
world.answer(world.ticket(requester=gone, ccs=[world.deniz]))
"""
SHOWN = """
import sys
from answerback.cli import start_django
start_django()
from django.test import Client
from answerback.people.models import Account
browser = Client()
browser.force_login(Account.objects.get(email="ada@acme.test"))
print("%%".join(browser.get(path, headers={"host": "127.0.0.1:8025"}).text for path in sys.argv[1:]))
"""


def test_what_our_relay_could_not_deliver_is_shown_under_the_answer(tmp_path: Path) -> None:
    door = free_port()
    with in_a_thread(Hop()) as customers:
        transports = {
            "customer.test": f"smtp:[127.0.0.1]:{customers.port}",
            "acme.test": f"smtp:[127.0.0.1]:{door}",
        }
        with running_postfix(transports) as relay:
            installation = make_installation(
                tmp_path,
                RELAY_URL=f"smtp://127.0.0.1:{relay.port}?tls=none",
                MAIL_DOMAIN="acme.test",
                SMTP_LISTEN=f"127.0.0.1:{door}",
            )
            installation.runs(ANSWERED)
            with installation.nursery() as nursery:
                nursery.start("worker")

                def reported() -> dict[str, Any] | None:
                    rows = {row["recipient"]: row for row in nursery.prints("deliveries", "--jsonl", "--ticket", "1")}
                    taken = customers.copies("deniz@customer.test")
                    return rows if taken and rows["550+gone@customer.test"]["state"] == "failed" else None

                rows = eventually(reported, within=120)
            copies = [len(customers.copies("deniz@customer.test")), len(customers.copies("550+gone@customer.test"))]
    failed, taken = rows["550+gone@customer.test"], rows["deniz@customer.test"]
    assert (failed["smtp_code"], failed["enhanced_code"], failed["cause"]) == (550, "5.1.1", "address_unknown")
    assert (taken["state"], copies) == ("accepted", [1, 0])
    address = f"/deliveries/{failed['delivery_id']}/card"
    page, card = installation.runs(SHOWN, "/tickets/1", address).split("%%")
    assert f'data-card="{address}"' in page
    assert 'data-state="failed"' in page
    assert "550 5.1.1 User unknown" in card


class Pipe:
    """`answerback receive-pipe` as Postfix runs it: as `nobody`, on a store of its own."""

    def __init__(self, folder: Path, python: str) -> None:
        self.installation = make_installation(folder, MAIL_DOMAIN="acme.test")
        self.program = folder / "pipe"
        self.killer = folder / "killer"
        self.user = pwd.getpwnam("nobody")
        settings = self.installation.environment() | {"PYTHONPATH": PACKAGES}
        lines = [f"export {name}='{value}'" for name, value in settings.items() if name.startswith(OURS)]
        dies = f"[ -e {self.killer} ] && kill -9 $$"
        runs = f"""exec {python} -c 'from answerback.cli import main; main()' "$@" """
        self.program.write_text("\n".join(["#!/bin/sh", dies, *lines, runs, ""]))
        self.program.chmod(0o755)
        self.hand_over(self.user.pw_uid)

    def hand_over(self, uid: int) -> None:
        """Who may write the store."""
        for path in (self.installation.folder / "data", *(self.installation.folder / "data").rglob("*")):
            shutil.chown(path, uid)

    def stored(self) -> list[dict[str, Any]]:
        rows = self.installation.runs(PRODUCT, "rawmail", "--jsonl")
        return [json.loads(line) for line in rows.splitlines()]


PRODUCT = "from answerback.cli import main; main()"
PACKAGES = os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "src")))
OURS = ("ANSWERBACK_", "PYTHONPATH")


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Skips where the user `nobody` can run no Python that has our packages."""
    if os.geteuid() != 0:
        pytest.skip(NOT_ROOT)
    python = next(filter(_nobody_can_run, (sys.executable, "/usr/bin/python3")), "")
    if not python:
        pytest.skip("the user nobody can run no Python of our version")
    folder = Path(tempfile.mkdtemp(prefix="pipe-"))
    folder.chmod(0o755)
    yield Pipe(folder, python)
    shutil.rmtree(folder)


def _nobody_can_run(python: str) -> bool:
    command = [python, "-c", f"import sys, {IMPORTED}; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"]
    try:
        return subprocess.run(command, user="nobody", env={"PYTHONPATH": PACKAGES}, capture_output=True).returncode == 0
    except OSError:
        return False


IMPORTED = "answerback.cli, django, uvloop"


def test_mail_that_cannot_be_stored_waits_in_postfix(pipe: Pipe) -> None:
    with running_postfix({"acme.test": "answerback:"}, pipe.program) as postfix:
        _send(postfix, "first")
        eventually(lambda: postfix.queue() == 0, within=120)

        pipe.hand_over(0)  # the store belongs to somebody else
        _send(postfix, "second")
        _wait_for_deferral(postfix)
        pipe.killer.touch()  # and then the pipe dies
        pipe.hand_over(pipe.user.pw_uid)
        _send(postfix, "third")
        _wait_for_deferral(postfix)
        pipe.killer.unlink()
        eventually(lambda: postfix.queue() == 0, within=120)
        said = postfix.log()
    assert "status=bounced" not in said
    rows = pipe.stored()
    assert sorted(row["doorway"] for row in rows) == ["pipe"] * 3
    pipe.installation.runs(PRODUCT, "worker", "receive", "--once")
    assert sorted(row["message_id"] for row in pipe.stored()) == [f"<{name}@customer.test>" for name in NAMES]


NAMES = ("first", "second", "third")


def _send(postfix: Postfix, name: str) -> None:
    mail = f"Message-ID: <{name}@customer.test>\r\nFrom: clara@customer.test\r\nSubject: {name}\r\n\r\nIt burns.\r\n"
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as smtp:
        smtp.sendmail("clara@customer.test", ["support@acme.test"], mail.encode())


def _wait_for_deferral(postfix: Postfix) -> None:
    before = postfix.log().count("status=deferred")
    eventually(lambda: postfix.log().count("status=deferred") > before, within=120)
