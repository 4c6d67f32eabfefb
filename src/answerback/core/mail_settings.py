"""Settings of mail that an administrator changes in the workspace, while everything runs.

Policy: what the environment or the TOML file sets wins, and cannot be changed here. The rest is kept in the database,
sealed, because most of it holds a password, and put in the place of the defaults in Django's settings: nobody who
reads `settings.RELAY_URL` has to know where it came from. The process that saves takes it over at once, every other one
within LOOK_EVERY; what is built from settings once (the delivery engine, whoever follows a mailbox) watches `in_force`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Mapping
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, transaction

from answerback.core import clock, sealing
from answerback.core.db import DatabaseThread
from answerback.core.models import MailSetting

EVENTS = "EVENTS_"  # before the name of a mail service: one value of EVENT_SECRETS
_MASK = "•••"
_SECRETS = re.compile(r"(://[^:/@\s]*:|[?&]client_secret=)[^@&\s]+")  # in the address of a server
LOOK_EVERY = 2.0  # seconds
_taking_over = threading.Lock()
log = logging.getLogger(__name__)


class SetOutsideError(Exception):
    """The environment says so, and wins."""


def is_set_outside(name: str) -> bool:
    return name in settings.MAIL_SETTINGS_SET_OUTSIDE


def current(name: str) -> str:
    """What holds now, wherever it came from."""
    if name.startswith(EVENTS):
        return str(settings.EVENT_SECRETS.get(_service(name), ""))
    return str(getattr(settings, name))


def in_force() -> tuple[str, ...]:
    """All of them: who keeps it sees whether something has changed."""
    return tuple(map(current, settings.MAIL_SETTINGS))


def change(values: Mapping[str, str]) -> None:
    """Keep those of these values, already checked, that are others than now; "" brings the default back.

    SetOutsideError where one is not ours to change.
    """
    with transaction.atomic():
        for name, value in values.items():
            if value == current(name):
                continue
            if is_set_outside(name):
                raise SetOutsideError(name)
            if value:
                kept = {"sealed": sealing.seal(value), "changed_at": clock.now()}
                MailSetting.objects.update_or_create(name=name, defaults=kept)
            else:
                MailSetting.objects.filter(name=name).delete()
    take_over()


def take_over() -> None:
    """Let what is in the database hold in this process."""
    with _taking_over:  # from reading to putting: what somebody read before a change must not be put after it
        _replace(_opened())


def take_over_at_start() -> None:
    """The same for a command, which may come before there are tables: whatever needs the database says so itself."""
    with suppress(DatabaseError):
        take_over()


def kept() -> Mapping[str, str]:
    """Those that the workspace set, and that can be read."""
    return {name: value for name, value in _opened().items() if value is not None}


def masked(name: str, value: str) -> str:
    """The value without what is secret in it."""
    if name.startswith(EVENTS):
        return _MASK
    return _SECRETS.sub(rf"\g<1>{_MASK}", value)


def unreadable() -> list[str]:
    """Those that were sealed by a key we do not have."""
    return [name for name, value in _opened().items() if value is None]


def seal_anew() -> None:
    """Seal under today's key what an older one had sealed."""
    for row in MailSetting.objects.all():
        try:
            MailSetting.objects.filter(pk=row.pk).update(sealed=sealing.seal_anew(row.sealed))
        except sealing.SealedByAnotherKeyError:
            log.warning("%s was sealed by another secret key: enter it again", row.name)


async def follow(stop: asyncio.Event) -> None:
    """Take over what other processes save, until `stop`."""
    database = DatabaseThread("mail-settings")
    while not stop.is_set():
        try:
            await database.run(take_over)
        except DatabaseError as error:
            log.warning("settings of mail cannot be read: %s", error)
        await _pause(stop, LOOK_EVERY)
    await database.close()


async def until_other_than(before: tuple[str, ...], stop: asyncio.Event) -> None:
    """Returns once other settings hold than those that were in force `before`, or `stop` is set."""
    while in_force() == before and not stop.is_set():
        await _pause(stop, LOOK_EVERY / 4)


def _replace(opened: Mapping[str, str | None]) -> None:
    wanted = {name: value for name, value in opened.items() if value is not None and not is_set_outside(name)}
    if "MAIL_DOMAIN" in wanted and not is_set_outside("RETURN_PATH_DOMAIN"):
        wanted.setdefault("RETURN_PATH_DOMAIN", wanted["MAIL_DOMAIN"])
    defaults = dict(settings.MAIL_SETTINGS_REPLACED)
    for name in defaults.keys() - wanted.keys():
        _put(name, defaults.pop(name))
    for name, value in wanted.items():
        defaults.setdefault(name, current(name))
        if current(name) != value:
            _put(name, value)
    settings.MAIL_SETTINGS_REPLACED = defaults


def _opened() -> dict[str, str | None]:
    """Everything kept; None what no key opens."""
    return {row.name: _open(row.sealed) for row in MailSetting.objects.order_by("name")}


def _open(sealed: str) -> str | None:
    try:
        return sealing.unseal(sealed)
    except sealing.SealedByAnotherKeyError:
        return None


def _put(name: str, value: str) -> None:
    """A new dictionary for the secrets: whoever holds the old one may be reading it."""
    if name.startswith(EVENTS):
        settings.EVENT_SECRETS = {**settings.EVENT_SECRETS, _service(name): value}
    else:
        setattr(settings, name, value)


def _service(name: str) -> str:
    return name.removeprefix(EVENTS).lower()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
