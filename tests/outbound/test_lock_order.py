"""Who changes many rows at once waits for nobody in a circle: all lock them in the order of their ids."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections, transaction
from tests.outbound.conftest import Outbox

from answerback.core import clock, db
from answerback.outbound import claims, lanes, lifecycle
from answerback.outbound.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES: dict[str, Callable[[], object]] = {
    "retry a destination": lambda: lanes.retry_now("relay.test:2525"),
    "retry mails": lambda: lifecycle.retry_now(list(Delivery.objects.values_list("pk", flat=True))),
    "forgive lost time": lambda: lanes.forgive(timedelta(hours=1)),
    "pull forward": claims.pull_forward,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_many_waiting_mails_are_locked_in_the_order_of_their_ids(outbox: Outbox, change: Callable[[], object]) -> None:
    """Seen as PostgreSQL's "deadlock detected", with an agent who stops the mail of a ticket as its victim."""
    if not db.is_postgresql():
        pytest.skip("on SQLite one transaction writes at a time")
    first, second = outbox()
    for row in (second, first):  # written anew, the first one lies behind the second, where the database finds it later
        Delivery.objects.filter(pk=row.pk).update(next_attempt_at=clock.now() + timedelta(days=90))
    failed: list[Exception] = []

    def change_all() -> None:
        try:
            change()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    other = threading.Thread(target=change_all)
    with transaction.atomic():
        db.lock("outbound_delivery", {first.pk})
        other.start()
        wait_until_blocked(other)
        db.lock("outbound_delivery", {second.pk})
    other.join()
    assert failed == []


def wait_until_blocked(thread: threading.Thread) -> None:
    until = time.monotonic() + 10
    while not db.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert thread.is_alive() and time.monotonic() < until, "it waits for nobody"  # noqa: PT018
        time.sleep(0.02)
