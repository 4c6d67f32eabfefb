"""`answerback demo`: the whole product with a played internet and a lived-in desk, without leaving the machine.

Policy: the demo only sets defaults; any `ANSWERBACK_` setting of the caller wins, the relay included. Everything runs
in one process, so that nothing is left behind when it ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from answerback import checks
from answerback.cli import start_django
from answerback.env import PREFIX, BadSettingError, Env

MARK = ".answerback-demo"  # --reset empties only folders that carry it

DEFAULTS = {
    "MAIL_DOMAIN": "desk.sandbox.test",
    "RETRY_SCHEDULE": "5,10,20,40",
    "EXPIRE_AFTER": "600",
    "DELAY_WARNING_AFTER": "60",
    "SANDBOX": "1",
    "WEBHOOK_PRIVATE": "1",
    "LOG_LEVEL": "WARNING",
}
# a probe of the way back goes into the played internet only: a relay of the caller's never sees one
PROBES = {"PROBE_ADDRESS": "bounce-later-*@way-back.sandbox.test", "PROBE_PATIENCE": "60"}


@click.command("demo")
@click.option("--data", default="var/demo", show_default=True, type=click.Path(path_type=Path), help="Data folder.")
@click.option("--http", metavar="H:P", help="Where the web listens. [default: 127.0.0.1:8025]")
@click.option("--smtp", metavar="H:P", help="Where mail comes in. [default: 127.0.0.1:2525]")
@click.option("--database", metavar="URL", help="PostgreSQL or SQLite. [default: a file in the data folder]")
@click.option("--reset", is_flag=True, help="Begin again with a new desk.")
@click.option("--empty", is_flag=True, help="No demo tickets.")
def command(data: Path, http: str | None, smtp: str | None, database: str | None, reset: bool, empty: bool) -> None:
    """Run everything on this machine: web, workers, and a sandbox that stands for the internet's mail servers."""
    folder = data.resolve()
    _set({"HTTP_LISTEN": http, "SMTP_LISTEN": smtp, "DATABASE_URL": database})
    _check_ports()
    _prepare_folder(folder, reset)
    _set_defaults(folder)
    start_django()
    run: Callable[[Path, bool, bool], None] = import_module("answerback.cli.demo_run").run
    run(folder, reset and database is not None, empty)


def _check_ports() -> None:
    """Before anything is made: a demo that runs already must not lose its desk to --reset."""
    env = Env()
    for name, default in (("HTTP_LISTEN", "127.0.0.1:8025"), ("SMTP_LISTEN", "127.0.0.1:2525")):
        checks.check_port(env.listen(name, default), name)


def _prepare_folder(folder: Path, reset: bool) -> None:
    if reset and folder.exists():
        if any(folder.iterdir()) and not (folder / MARK).exists():
            raise BadSettingError(f"{folder} is not the folder of a demo, so --reset leaves it alone.")
        shutil.rmtree(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / MARK).touch()
    except OSError as error:
        raise BadSettingError(
            f"The data folder {folder} cannot be written ({error.strerror}). Choose another with --data."
        ) from None


def _set(given: dict[str, str | None]) -> None:
    """What was said on the command line."""
    os.environ.update({PREFIX + name: value for name, value in given.items() if value is not None})


def _set_defaults(folder: Path) -> None:
    smtp, dns = free_port(), free_port()
    settings = DEFAULTS | {
        "DATA_DIR": str(folder),
        "SANDBOX_SMTP_LISTEN": f"127.0.0.1:{smtp}",
        "SANDBOX_DNS_LISTEN": f"127.0.0.1:{dns}",
        "RELAY_URL": f"mx:{smtp}",
        "RESOLVER": f"127.0.0.1:{dns}",
        "BASE_URL": f"http://{os.environ.get(PREFIX + 'HTTP_LISTEN', '127.0.0.1:8025')}",
    }
    if PREFIX + "RELAY_URL" not in os.environ:
        settings |= PROBES
    for name, value in settings.items():
        os.environ.setdefault(PREFIX + name, value)


def free_port() -> int:
    """A port nobody listens on, for TCP and UDP alike. The played internet may be anywhere."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
