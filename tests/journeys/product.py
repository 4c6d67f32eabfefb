"""The whole product in a process of its own, with the played internet as everybody's mail server, and nothing in it yet.

It is what `answerback demo --empty` starts; only its times are shorter. Nothing of it is called from inside: the stories
speak SMTP and HTTP with it, look at its pages, and run its commands.
"""

from __future__ import annotations

import base64
import json
import os
import smtplib
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, TypeVar

from answerback.cli.demo import free_port

SOURCE = Path(__file__).resolve().parents[2] / "src"
SAID = "said.txt"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
SETTINGS = {
    "RETRY_SCHEDULE": "3,90",  # greylisting is over at the second try; whoever refuses twice waits for "retry now"
    "SANDBOX_REACTION_AFTER": "4",  # long enough for a page to say "accepted" before the report arrives
    "TIME_ZONE": "Europe/Berlin",
}
Found = TypeVar("Found")
Json = dict[str, Any]


def eventually(look: Callable[[], Found | None], what: str, seconds: float = 10.0) -> Found:
    """What `look` finds, asked again and again until it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Product:
    """Where it runs, and how to come in."""

    folder: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    credentials: Json

    @property
    def url(self) -> str:
        return str(self.credentials["base_url"])

    @property
    def support_address(self) -> str:
        return str(self.credentials["support_address"])

    @property
    def mailboxes(self) -> Path:
        """Where the played internet keeps its customers' mail."""
        return self.folder / "sandbox"

    def post(self, mail_from: str, recipients: Sequence[str], content: bytes) -> None:
        """Hand a mail in by SMTP, as a mail server of the played internet does."""
        host, _, port = str(self.credentials["smtp"]).rpartition(":")
        with smtplib.SMTP(host, int(port), local_hostname="mx.sandbox.test", timeout=10) as client:
            client.sendmail(mail_from, list(recipients), content)

    def api(self, method: str, path: str, body: Json | None = None, **query: str) -> Json:
        """One request as the admin. AssertionError with the answer where it is refused."""
        key = "{email}/token:{token}".format(**self.credentials["api"])
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}{'?' if query else ''}{urllib.parse.urlencode(query)}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Authorization": f"Basic {base64.b64encode(key.encode()).decode()}",
                "Content-Type": "application/json",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def command(self, *arguments: str) -> list[Json]:
        """The lines of a command that writes JSON lines."""
        done = subprocess.run(
            [*_ANSWERBACK, *arguments], env=self.environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    def sign_in(self, who: str) -> str:
        """The session cookie of `agent`, `agent_de` or `admin`."""
        jar = CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        opener.open(f"{self.url}/sign-in", timeout=10).close()
        values = {cookie.name: str(cookie.value) for cookie in jar}
        account = self.credentials[who]
        form = {
            "username": account["email"],
            "password": account["password"],
            "csrfmiddlewaretoken": values["csrftoken"],
            "next": "/profile",
        }
        opener.open(f"{self.url}/sign-in", urllib.parse.urlencode(form).encode(), timeout=10).close()
        return {cookie.name: str(cookie.value) for cookie in jar}["answerback_session"]

    def said(self) -> str:
        """What it wrote to its terminal."""
        return (self.folder.parent / SAID).read_text("utf-8")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"SIGTERM did not end the demo within {STOP_SECONDS:.0f} s") from None


_ANSWERBACK = (sys.executable, "-c", "from answerback.cli import main; main()")


def start(folder: Path, database_url: str = "") -> Product:
    """Up and ready, on free ports. AssertionError with what it said where it does not come up."""
    data = folder / "data"
    environment = _environment(data, database_url)
    web, smtp = free_port(), free_port()
    arguments = ["--empty", "--data", str(data), "--http", f"127.0.0.1:{web}", "--smtp", f"127.0.0.1:{smtp}"]
    said = folder / SAID
    with said.open("wb") as out:
        process = subprocess.Popen(
            [*_ANSWERBACK, "demo", *arguments],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at the tests is theirs: the product is stopped when they are done
        )
    eventually(lambda: _is_ready(process, said), "the ready line of the demo", START_SECONDS)
    credentials = json.loads((data / "credentials.json").read_text("utf-8"))
    return Product(data, process, environment, credentials)


def _is_ready(process: subprocess.Popen[bytes], said: Path) -> bool:
    text = said.read_text("utf-8")
    assert process.poll() is None, f"the demo ended at its start:\n{text}"
    return "Answerback is ready: " in text


def _environment(data: Path, database_url: str) -> dict[str, str]:
    """Nothing of the test run's own settings, and the same for the demo and for commands beside it."""
    settings = SETTINGS | {"DATA_DIR": str(data), "MAIL_DOMAIN": "desk.sandbox.test", "CONFIG": str(data / "none.toml")}
    if database_url:
        settings["DATABASE_URL"] = database_url
    foreign = ("ANSWERBACK_", "DJANGO_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONPATH": str(SOURCE)} | {f"ANSWERBACK_{name}": value for name, value in settings.items()}
