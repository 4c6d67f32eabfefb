"""Admins hear once that reports do not reach us, or that nothing proves it, and the notice is struck when they do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.outbound.reports import recipient_group, report, return_path
from tests.world import World

from answerback.core import clock
from answerback.desk.models import Notice
from answerback.desk.telling import notices, way_back
from answerback.outbound import way_back as probes
from answerback.outbound.models import Delivery, Probe
from answerback.outbound.returned import handle_report


@pytest.fixture(autouse=True)
def probing(settings: object) -> None:
    settings.RELAY_URL = "smtp://relay.test"  # type: ignore[attr-defined]
    settings.PROBE_EVERY = 86400  # type: ignore[attr-defined]
    settings.PROBE_ADDRESS = "nobody-*@elsewhere.test"  # type: ignore[attr-defined]


def probe_ends(world: World, said: str, returned: bool = False) -> Probe:
    """A probe of which the relay says so, and what the desk makes of it once the time is over."""
    probe = probes.start()
    assert probe
    world.outcome(probe.delivery, said, final=False)
    if returned:
        handle_report(probe.pk, report(recipient_group(probe.delivery.recipient)), [return_path(probe.delivery)])
    Delivery.objects.filter(pk=probe.delivery_id).update(updated_at=clock.now() - timedelta(hours=2))
    way_back.prove()
    probe.refresh_from_db()
    return probe


def told(world: World) -> list[tuple[str, bool]]:
    rows = Notice.objects.filter(kind=Notice.Kind.WAY_BACK, account=world.bruno).order_by("id")
    return [(row.data["result"], row.settled_at is not None) for row in rows]


def mails(world: World) -> int:
    return Delivery.objects.filter(kind="agent", person=world.bruno.person).count()


OK, UNKNOWN = "250 2.0.0 Ok: queued", "550 5.1.1 No such user here"


def test_told_once_and_struck_when_reports_come(world: World) -> None:
    assert probe_ends(world, OK).result == "missing"
    assert probe_ends(world, OK).result == "missing"
    assert told(world) == [("missing", False)]
    assert mails(world) == 1
    assert notices.count_unread(world.bruno) == 1
    assert not Notice.objects.exclude(account=world.bruno).exists()  # admins only
    assert probe_ends(world, OK, returned=True).result == "returned"
    assert told(world) == [("missing", True)]
    assert notices.count_unread(world.bruno) == 0
    probe_ends(world, OK)
    assert told(world) == [("missing", True), ("missing", False)]
    assert mails(world) == 2


def test_the_mail_says_what_to_change_in_the_readers_language(world: World) -> None:
    probe_ends(world, OK)
    row = Delivery.objects.select_related("message").get(kind="agent")
    assert row.message.subject == "Fehlerberichte kommen hier nicht an"
    assert b"ANSWERBACK_RETURN_PATH" in bytes(row.message.body)


def test_an_address_that_does_not_serve_is_told_without_alarm(world: World) -> None:
    assert probe_ends(world, UNKNOWN).result == "refused"
    probe_ends(world, UNKNOWN)
    assert told(world) == [("refused", False)]
    assert mails(world) == 0
    assert not probes.blind()


def test_a_transient_refusal_alone_is_no_news(world: World) -> None:
    probe = probes.start()
    assert probe
    world.outcome(probe.delivery, "451 4.7.1 Try again later", final=False)
    Probe.objects.filter(pk=probe.pk).update(started_at=clock.now() - timedelta(hours=2))
    way_back.prove()
    probe.refresh_from_db()
    assert (probe.result, told(world)) == ("unsent", [])
    assert Delivery.objects.get(pk=probe.delivery_id).state == "cancelled"
