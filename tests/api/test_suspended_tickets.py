"""Suspended mail through the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket

State = RawMail.State


@pytest.fixture
def mails(world: World, data_dir: Path) -> list[RawMail]:
    """Two that a filter marked, one that nobody could read."""
    stored = []
    for number, (state, reason) in enumerate(
        [(State.SUSPENDED, "spam: X-Spam-Flag: YES")] * 2 + [(State.UNREADABLE, "empty")]
    ):
        octets = b"From: Mallory <m@bad.test>\r\nSubject: Offer %d\r\n\r\nBuy\r\n" % number
        mail = raw.save(octets, doorway="smtp", envelope_from="m@bad.test", envelope_to=["support@acme.test"])
        raw.settle(mail.pk, state, reason=reason)
        stored.append(mail)
    return stored


def _states() -> list[str]:
    return list(RawMail.objects.order_by("id").values_list("state", flat=True))


def test_they_are_listed_newest_first(call: Call, mails: list[RawMail]) -> None:
    _, body = call("GET", "suspended_tickets")
    assert [row["id"] for row in body["suspended_tickets"]] == [mail.pk for mail in reversed(mails)]
    shown = call("GET", f"suspended_tickets/{mails[0].pk}")[1]["suspended_tickets"][0]
    assert shown["author"] == {"id": None, "name": "Mallory", "email": "m@bad.test"}
    assert (shown["subject"], shown["content"].strip()) == ("Offer 0", "Buy")
    assert shown["cause"] == "Your spam filter has marked it"
    assert shown["answerback"] | {"ends_at": ""} == {
        "reason": "spam",
        "detail": "X-Spam-Flag: YES",
        "state": "suspended",
        "ends_at": "",
    }


def test_one_is_let_in_once(call: Call, mails: list[RawMail]) -> None:
    status, body = call("PUT", f"suspended_tickets/{mails[0].pk}/recover")
    assert status == 200
    assert Ticket.objects.get(pk=body["ticket"][0]["id"]).subject == "Offer 0"
    assert call("PUT", f"suspended_tickets/{mails[0].pk}/recover")[0] == 404


def test_many_are_let_in_or_deleted(call: Call, mails: list[RawMail]) -> None:
    first, second, third = (mail.pk for mail in mails)
    _, body = call("PUT", "suspended_tickets/recover_many", ids=f"{first},{third},999999")
    assert len(body["ticket"]) == 2
    assert call("DELETE", "suspended_tickets/destroy_many", ids=f"{second}")[0] == 204
    assert _states() == [State.TICKET, State.DELETED, State.TICKET]
    assert call("DELETE", f"suspended_tickets/{second}")[0] == 404
    assert call("PUT", "suspended_tickets/recover_many", ids="x")[0] == 400
    assert call("PUT", "suspended_tickets/recover_many", ids=",".join(map(str, range(1, 102))))[0] == 422
