"""A desk with tickets and mail, as an early version left it, becomes one of today."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

# Runs in a process of its own: data migrations speak to the default database, and this one is no test database.
STORY = """
import json
from datetime import datetime, timedelta, timezone

import django
django.setup()
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor

EARLY = [
    ("tickets", "0003_upload_tokens"), ("outbound", "0002_who_resent_and_what_replaces"), ("search", "0001_initial"),
]
NOON = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
PLAIN = {
    models.DateTimeField: NOON, models.BooleanField: False, models.CharField: "", models.TextField: "",
    models.BinaryField: b"",
}

def hour(number):
    return NOON + timedelta(hours=number)

def make(app, model, **values):
    kind = apps.get_model(app, model)
    for field in kind._meta.concrete_fields:
        if field.name not in values and not (field.null or field.has_default() or field.primary_key):
            values[field.name] = PLAIN.get(type(field), 0)
    return kind.objects.create(**values)

executor = MigrationExecutor(connection)
apps = executor.migrate(EARLY).apps
ada, clara = make("people", "Person", name="Ada"), make("people", "Person", name="Clara")
account = make("people", "Account", email="ada@acme.test", person=ada)
support = make("tickets", "SupportAddress", address="support@acme.test")
common = {"requester": clara, "submitter": clara, "support_address": support, "created_at": hour(0)}
worked_on = make("tickets", "Ticket", subject="Worked on", status="pending", assignee=account, **common)
untouched = make("tickets", "Ticket", subject="Untouched", status="new", **common)
first = make("tickets", "Audit", ticket=worked_on, author=clara, created_at=hour(0))
taken = make("tickets", "Audit", ticket=worked_on, author=ada, created_at=hour(1))
answered = make("tickets", "Audit", ticket=worked_on, author=ada, created_at=hour(2))
wrote_again = make("tickets", "Audit", ticket=worked_on, author=clara, created_at=hour(3))
make("tickets", "Event", ticket=worked_on, audit=first, kind="Create", field="status")
make("tickets", "Event", ticket=worked_on, audit=taken, kind="Change", field="assignee_id")
make("tickets", "Event", ticket=worked_on, audit=answered, kind="Change", field="status")
message = make("outbound", "Message", ticket=worked_on, support_address=support, kind="answer")
mail = {"message": message, "ticket": worked_on, "person": clara, "kind": "answer"}
held = make("outbound", "Delivery", state="held", hold_reason="suppressed", updated_at=hour(2), **mail)
failed = make("outbound", "Delivery", state="failed", failed_at=hour(3), updated_at=hour(3), **mail)
make("outbound", "Resolution", delivery=failed, how="handled", at=hour(4))
make("search", "View", key="my-open", title="My open tickets")
make("search", "View", key="open", title="What is to be done")
connection.check_constraints()

executor = MigrationExecutor(connection)
executor.migrate(executor.loader.graph.leaf_nodes())
from answerback.outbound.models import Delivery, FailureChange
from answerback.search import catching_up
from answerback.search.models import View
from answerback.tickets.models import Ticket

def hours(ticket, *names):
    moments = [getattr(ticket, name) for name in names]
    return [moment and (moment - NOON).total_seconds() / 3600 for moment in moments]

MOMENTS = ("status_at", "assigned_at", "requester_updated_at", "assignee_updated_at")
print(json.dumps({
    "worked on": hours(Ticket.objects.get(pk=worked_on.pk), *MOMENTS),
    "untouched": hours(Ticket.objects.get(pk=untouched.pk), *MOMENTS),
    "held": hours(Delivery.objects.get(pk=held.pk), "failed_at"),
    "changes": list(FailureChange.objects.order_by("id").values_list("what", "open")),
    "to be read": catching_up.left(),
    "views": list(View.objects.order_by("id").values_list("key", "title")),
}))
"""


@pytest.mark.both_databases
def test_what_an_early_version_left_is_carried_over(tmp_path: Path) -> None:
    settings = {
        "ANSWERBACK_DATABASE_URL": _empty_database(tmp_path),
        "ANSWERBACK_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "answerback.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", STORY], env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "worked on": [2, 1, 3, 2],
        "untouched": [0, None, None, None],
        "held": [2],
        "changes": [["failed", True], ["resolved", False]],
        "to be read": 2,
        "views": [["my-open", "My unsolved tickets"], ["open", "What is to be done"]],
    }


def _empty_database(folder: Path) -> str:
    url = os.environ.get("ANSWERBACK_TEST_DATABASE_URL", "")
    if os.environ.get("ANSWERBACK_TEST_DATABASE") != "postgresql" or not url:
        return f"sqlite:///{folder / 'early.sqlite3'}"
    name = f"early_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    server, _, query = url.partition("?")
    return f"{server.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
