"""What must be right before anything starts: each fault one line that says how to mend it."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from answerback.env import PREFIX, BadSettingError
from answerback.outbound.pace import Rate
from mailroom import webhook_signatures
from mailroom.imap_url import mailboxes
from mailroom.smtp.names import name_server
from mailroom.smtp.route import relay

HALF_RESTORED = "half-restored.json"  # in the data folder while a restore is under way

# the first release without the WAL-reset bug: two connections writing and checkpointing at once could corrupt the file
OLDEST_SQLITE = (3, 51, 3)


def check_start() -> None:
    """BadSettingError for the first fault found."""
    check_data_folder(settings.DATA_DIR)
    if str(settings.DATABASES["default"]["ENGINE"]).endswith(".sqlite"):
        check_sqlite(sqlite3.sqlite_version_info, settings.ALLOW_OLD_SQLITE)
    if settings.RELAY_URL:
        check_relay(settings.RELAY_URL)
    if settings.RESOLVER:
        check_resolver(settings.RESOLVER)
    if settings.RELAY_RATE:
        check_rate(settings.RELAY_RATE)
    check_event_secrets(settings.EVENT_SECRETS)
    check_mailboxes(settings.IMAP_URLS)


def check_restored(folder: Path) -> None:
    """BadSettingError where a restore broke off: only half of the data is there."""
    if (folder / HALF_RESTORED).exists():
        raise BadSettingError(
            f"{folder} is half restored: a restore broke off or is under way. Run `answerback restore FILE` again."
        )


def check_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # customers' mail will lie in it
    except OSError as error:
        raise BadSettingError(
            f"The data folder {folder} cannot be made ({error.strerror}). Choose another with {PREFIX}DATA_DIR."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK) or _is_read_only(folder):
        raise BadSettingError(
            f"The data folder {folder} cannot be written. Make it writable or choose another with {PREFIX}DATA_DIR."
        )


def check_sqlite(version: tuple[int, ...], allow_old: bool) -> None:
    if version >= OLDEST_SQLITE or allow_old:
        return
    found, wanted = (".".join(map(str, numbers)) for numbers in (version, OLDEST_SQLITE))
    raise BadSettingError(
        f"SQLite {found} can corrupt the database (fixed in {wanted}). Install the package pysqlite3, use PostgreSQL "
        f"({PREFIX}DATABASE_URL), or accept the risk with {PREFIX}ALLOW_OLD_SQLITE=1."
    )


def check_relay(url: str) -> None:
    """A way out has to be one that we understand."""
    try:
        relay(url)
    except ValueError as error:
        raise BadSettingError(
            f"{PREFIX}RELAY_URL cannot be used: {error}. Example: smtp://user:password@mail.example.org:587?tls=verify"
        ) from None


def check_rate(text: str) -> None:
    try:
        Rate.read(text)
    except ValueError as error:
        raise BadSettingError(f"{PREFIX}RELAY_RATE cannot be used: {error}.") from None


def check_resolver(text: str) -> None:
    try:
        name_server(text)
    except ValueError as error:
        raise BadSettingError(f"{PREFIX}RESOLVER cannot be used: {error}.") from None


def check_event_secrets(secrets: Mapping[str, str]) -> None:
    """What a provider's calls are checked with must be of the kind that this provider has."""
    for provider, secret in secrets.items():
        if problem := webhook_signatures.problem(provider, secret):
            raise BadSettingError(f"{PREFIX}EVENTS_{provider.upper()} {problem}. See docs/admin/mail-out.md.")


def check_mailboxes(urls: str) -> None:
    try:
        mailboxes(urls)
    except ValueError as error:
        raise BadSettingError(
            f"{PREFIX}IMAP_URLS cannot be used: {error}. Example: imaps://support%40example.com:PASSWORD@imap.example.com"
        ) from None


def check_port(listen: tuple[str, int], setting: str) -> None:
    """BadSettingError where somebody listens there already."""
    host, port = listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadSettingError(
                f"{host}:{port} cannot be used ({error.strerror}). "
                f"Stop what listens there or choose another with {PREFIX}{setting}."
            ) from None


def _is_read_only(folder: Path) -> bool:
    """Root may write anywhere but on a read-only file system: only trying tells."""
    probe = folder / ".write-probe"
    try:
        probe.touch()
        probe.unlink(missing_ok=True)  # another process that starts may have been quicker
    except OSError:
        return True
    return False
