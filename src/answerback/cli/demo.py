"""`answerback demo`: the whole product with a played internet and a lived-in desk, without leaving the machine.

Policy: the demo only sets defaults; any `ANSWERBACK_` setting of the caller wins, the relay included. Everything runs
in one process, so that nothing is left behind when it ends, however it ends.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from answerback.env import PREFIX, BadSettingError

MARK = ".answerback-demo"  # --reset empties only folders that carry it

DEFAULTS = {
    "MAIL_DOMAIN": "desk.sandbox.test",
    "RELAY_URL": "mx",
    "RETRY_SCHEDULE": "5,10,20,40",
    "EXPIRE_AFTER": "600",
    "DELAY_WARNING_AFTER": "60",
    "SANDBOX": "1",
    "LOG_LEVEL": "WARNING",
}


@click.command("demo")
@click.option("--data", default="var/demo", show_default=True, type=click.Path(path_type=Path), help="Data folder.")
@click.option("--http", default="127.0.0.1:8025", show_default=True, metavar="H:P", help="Where the web listens.")
@click.option("--smtp", default="127.0.0.1:2525", show_default=True, metavar="H:P", help="Where mail comes in.")
@click.option("--database", metavar="URL", help="PostgreSQL or SQLite; default: a file in the data folder.")
@click.option("--reset", is_flag=True, help="Begin again with a new desk.")
@click.option("--empty", is_flag=True, help="No demo tickets.")
def command(data: Path, http: str, smtp: str, database: str | None, reset: bool, empty: bool) -> None:
    """Run everything on this machine: web, workers, and a sandbox that stands for the internet's mail servers."""
    folder = data.resolve()
    _prepare_folder(folder, reset)
    _set_defaults(folder, http, smtp, database)
    run: Callable[[Path, bool, bool], None] = import_module("answerback.cli.demo_run").run
    run(folder, reset and bool(database), empty)


def _prepare_folder(folder: Path, reset: bool) -> None:
    if reset and folder.exists():
        if any(folder.iterdir()) and not (folder / MARK).exists():
            raise BadSettingError(f"{folder} is not the folder of a demo, so --reset leaves it alone.")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).touch()
    except OSError as error:
        raise BadSettingError(
            f"The data folder {folder} cannot be written ({error.strerror}). Choose another with --data."
        ) from None


def _set_defaults(folder: Path, http: str, smtp: str, database: str | None) -> None:
    settings = DEFAULTS | {
        "DATA_DIR": str(folder),
        "HTTP_LISTEN": http,
        "SMTP_LISTEN": smtp,
        "BASE_URL": f"http://{http}",
    }
    if database:
        settings["DATABASE_URL"] = database
    for name, value in settings.items():
        os.environ.setdefault(PREFIX + name, value)


def write_credentials(path: Path, credentials: dict[str, object]) -> None:
    """Readable by its owner only, from the first byte on."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(credentials, file, indent=2)
    fresh.replace(path)
