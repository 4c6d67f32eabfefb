"""Is everything there that mail needs? One list of checks for `/readyz`, `answerback doctor` and the admin."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from answerback import checks
from answerback.core import mail_settings
from answerback.env import PREFIX, BadSettingError
from answerback.outbound import destinations, dkim_keys, lanes, senders, traffic, way_back, way_back_words
from answerback.reports import mail_services, sending
from answerback.rules import webhooks
from answerback.store import mailboxes
from answerback.store.models import MailboxState
from answerback.tickets import addresses
from answerback.tickets.models import SupportAddress

LEAST_FREE = 256 * 2**20  # bytes


@dataclass(frozen=True)
class Check:
    """`ready` False keeps `/readyz` red; `hint` says how to mend it.

    `warns`: mail goes through, and yet somebody has to mend something. `doctor` fails then, and machines that ask
    whether to send people here are not told.
    """

    id: str
    ready: bool
    state: str
    hint: str = ""
    warns: bool = False


def look() -> list[Check]:
    """All checks, each on its own feet: one that cannot be made is not ready."""
    found: list[Check] = []
    for name, check in _CHECKS.items():
        try:
            found.append(check(name))
        except (DatabaseError, OSError) as error:
            found.append(_cannot_be_made(name, error, found))
    return found


def _cannot_be_made(name: str, error: Exception, before: list[Check]) -> Check:
    """Before the first `migrate` there is one thing to do, and every table that is missing would only hide it."""
    if any(check.id == "database" and not check.ready for check in before):
        return Check(name, False, "not known before the database is ready")
    return Check(name, False, str(error).partition("\n")[0], "See the log of the server.")


def _database(name: str) -> Check:
    missing = MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
    state = f"{connection.vendor}, {len(missing)} migrations missing" if missing else connection.vendor
    return Check(name, not missing, state, "Run `answerback migrate`." if missing else "")


def _sqlite(name: str) -> Check:
    if connection.vendor != "sqlite":
        return Check(name, True, "not used")
    try:
        checks.check_sqlite(sqlite3.sqlite_version_info, allow_old=False)
    except BadSettingError as error:
        return Check(name, settings.ALLOW_OLD_SQLITE, sqlite3.sqlite_version, str(error))
    return Check(name, True, sqlite3.sqlite_version)


def _store(name: str) -> Check:
    try:
        checks.check_data_folder(settings.DATA_DIR)
    except BadSettingError as error:
        return Check(name, False, "not writable", str(error))
    free = shutil.disk_usage(settings.DATA_DIR).free
    hint = "" if free > LEAST_FREE else f"Make room in {settings.DATA_DIR}."
    return Check(name, free > LEAST_FREE, f"{free // 2**20} MB free", hint)


def _restore(name: str) -> Check:
    try:
        checks.check_restored(settings.DATA_DIR)
    except BadSettingError as error:
        return Check(name, False, "half restored", str(error))
    return Check(name, True, "nothing half restored")


def _queue(name: str) -> Check:
    queue = sending.queue()
    late = sending.oldest_late() is not None
    running = traffic.last_noted() is not None
    hint = "The delivery page shows which destinations wait." if running else "Is `answerback worker deliver` running?"
    return Check(
        name, not late, f"{queue.due} due, {queue.later} later, {queue.sending} being sent", hint if late else ""
    )


def _relay(name: str) -> Check:
    if not settings.RELAY_URL:
        return Check(name, False, "none", f"Name one under /admin/outgoing, or set {PREFIX}RELAY_URL.")
    since = lanes.sending_is_down()
    hint = "The delivery page shows its last words." if since else ""
    return Check(name, since is None, f"down since {since:%Y-%m-%d %H:%M} UTC" if since else "no trouble known", hint)


def _secrets(name: str) -> Check:
    """Whether our key opens what lies sealed in the database."""
    if lost := [*mail_settings.unreadable(), *webhooks.unreadable(), *dkim_keys.unreadable()]:
        hint = f"Name the old key in {PREFIX}OLD_SECRET_KEYS, or enter them again under /admin/."
        return Check(name, True, f"sealed by another secret key: {', '.join(lost)}", hint, warns=True)
    return Check(name, True, "all can be read")


def _return_path(name: str) -> Check:
    fixed, host = senders.is_return_path_fixed(), destinations.host_that_rewrites()
    state = f"fixed: {senders.sender_of(None)}" if fixed else f"signed, at {settings.RETURN_PATH_DOMAIN}"
    hint = ""
    if host and not fixed:
        hint = f"{host} takes or keeps no foreign return path: set {PREFIX}RETURN_PATH to fixed."
    elif fixed and destinations.mode() == destinations.Mode.MX:
        hint = f"Without a relay nobody asks for it, and a signed one proves more: set {PREFIX}RETURN_PATH to signed."
    elif fixed and addresses.default_support_address() is None:
        hint = "Add a support address under /admin/: it must be one that the relay lets us write from."
    return Check(name, True, state, hint, warns=bool(hint))


def _way_back(name: str) -> Check:
    probe = way_back.last()
    if probe is None:
        return Check(name, True, "not proven yet", way_back_words.advice_without_probe())
    state = f"{way_back_words.words_of(probe)} ({probe.started_at:%Y-%m-%d %H:%M} UTC, {probe.delivery.recipient})"
    return Check(name, True, state, way_back_words.advice(probe), warns=way_back.reports_reach_us() is False)


def _support_address(name: str) -> Check:
    found = SupportAddress.objects.filter(active=True).count()
    return Check(name, True, f"{found} active", "" if found else "Add one under /admin/: no mail is taken without it.")


def _events(name: str) -> Check:
    """Whether the mail services that send for us tell what became of it."""
    found = mail_services.services()
    told = [(one.name, f"last {one.last_event:%Y-%m-%d %H:%M} UTC" if one.last_event else "none yet") for one in found]
    hint = ""
    if missing := next((one for one in found if not one.is_set_up), None):
        hint = f"{missing.name} tells outcomes by webhook only: set {missing.setting}, see docs/admin/mail-out.md."
    elif silent := next((one for one in found if one.is_silent), None):
        hint = f"Make the webhook at {silent.name}, with the address {silent.events_address}."
    return Check(name, True, ", ".join(map(": ".join, told)) or "not used", hint, warns=bool(hint))


def _mailboxes(name: str) -> Check:
    rows = mailboxes.states()
    if not rows:
        return Check(name, True, "none")
    wrong = [f"{row.name}: {row.trouble or 'nobody fetches it'} {row.said}".rstrip() for row in rows if _is_wrong(row)]
    left = sum(row.left for row in rows)
    state = "; ".join(wrong) or f"{len(rows)} followed"
    hint = "The administration's page of incoming mail says what to do." if wrong else ""
    if left and not wrong:
        hint = f"{left} messages bigger than {PREFIX}MAX_MESSAGE_SIZE were left in their folders."
    return Check(name, True, state, hint, warns=bool(hint))


def _is_wrong(row: MailboxState) -> bool:
    return bool(row.trouble) or mailboxes.is_stale(row)


_CHECKS: dict[str, Callable[[str], Check]] = {
    "database": _database,
    "sqlite": _sqlite,
    "store": _store,
    "restore": _restore,
    "queue": _queue,
    "secrets": _secrets,
    "relay": _relay,
    "return_path": _return_path,
    "way_back": _way_back,
    "events": _events,
    "support_address": _support_address,
    "mailboxes": _mailboxes,
}
