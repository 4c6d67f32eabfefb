"""Which lane mail waits in, and that it never waits in one that nobody looks at."""

from __future__ import annotations

from typing import Any

import pytest
from tests.outbound.conftest import Outbox

from answerback.outbound import claims, destinations, lanes
from answerback.outbound.models import Delivery, Lane
from answerback.people import identities

LITERAL = "eve@[IPv6:2001:db8::1]"
LANE = "[ipv6:2001:db8::1]"
RELAYS = ["smtp://relay.test:2525", "smtp://[2001:db8::1]:2525", "smtp://192.0.2.1:2525"]


def waiting() -> dict[str, str]:
    return dict(Delivery.objects.order_by("id").values_list("recipient", "destination"))


def take(room: int = 10) -> list[str]:
    found = claims.take("ada", "", lambda name, lane: room if destinations.is_current(name) else 0)
    return sorted(claim.recipient for claim in found.claims)


@pytest.mark.parametrize("relay", ["", *RELAYS])
def test_mail_to_an_address_literal_takes_the_new_way_with_all_the_rest(
    relay: str, outbox: Outbox, settings: object
) -> None:
    settings.RELAY_URL = relay  # type: ignore[attr-defined]
    outbox([identities.find_or_create(address, "Eve", "en").person for address in (LITERAL, "eve@c.test")])
    settings.RELAY_URL = "mx"  # type: ignore[attr-defined]
    lanes.take_over_settings()
    assert waiting() == {LITERAL: LANE, "eve@c.test": "c.test"}
    assert destinations.relabel_waiting() == 0
    assert take() == ["eve@[IPv6:2001:db8::1]", "eve@c.test"]


@pytest.mark.parametrize("relay", RELAYS)
def test_and_back_to_a_relay(relay: str, outbox: Outbox, settings: object) -> None:
    settings.RELAY_URL = "mx"  # type: ignore[attr-defined]
    outbox([identities.find_or_create(LITERAL, "Eve", "en").person])
    settings.RELAY_URL = relay  # type: ignore[attr-defined]
    assert destinations.relabel_waiting() == 1
    assert waiting() == {LITERAL: destinations.way()}
    assert take() == [LITERAL]


@pytest.mark.parametrize("relay", RELAYS)
def test_a_literal_belongs_to_no_relay(relay: str, settings: object) -> None:
    settings.RELAY_URL, settings.RELAY_RATE = relay, "30/minute"  # type: ignore[attr-defined]
    assert destinations.way_of(LANE) == destinations.way_of("c.test") == destinations.MX_WAY
    assert destinations.way_of(destinations.way()) == destinations.way() != destinations.MX_WAY
    assert lanes.rate_of(LANE, None) is None
    assert not destinations.is_current(LANE)
    settings.RELAY_URL = "mx"  # type: ignore[attr-defined]
    assert destinations.is_current(LANE)
    assert not any(map(destinations.is_current, ["relay.test:2525", "2001:db8::1:2525", destinations.UNCONFIGURED]))


def test_trouble_over_a_literal_is_no_trouble_of_yesterdays_relay(outbox: Outbox, settings: object) -> None:
    settings.RELAY_URL = "mx"  # type: ignore[attr-defined]
    [delivery] = outbox([identities.find_or_create(LITERAL, "Eve", "en").person])
    lanes.begin_trouble(LANE, "no ports left", "connection_failed", delivery.queued_at)
    lanes.take_over_settings()
    assert Lane.objects.get(destination=LANE).trouble_since is not None


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_relabelling_ends_also_where_the_new_lane_would_be_as_stale(
    batch: int, outbox: Outbox, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mail once, whatever its lane is then: nothing but this keeps the start of the workers from hanging."""
    monkeypatch.setattr(destinations, "_BATCH", batch)
    outbox([identities.find_or_create(f"eve+{number}@c.test", "Eve", "en").person for number in range(3)])
    monkeypatch.setattr(destinations, "is_current", lambda name: False)
    assert destinations.relabel_waiting() == 3


def test_mail_of_one_lane_is_moved_together(outbox: Outbox, settings: Any, django_assert_max_num_queries: Any) -> None:
    """One by one, a new relay for twenty thousand mails kept the worker from sending for minutes."""
    outbox([identities.find_or_create(f"eve+{number}@c.test", "Eve", "en").person for number in range(12)])
    settings.RELAY_URL = "smtp://new.test"
    with django_assert_max_num_queries(9):
        assert destinations.relabel_waiting() == 12
    assert set(waiting().values()) == {"new.test:25"}
