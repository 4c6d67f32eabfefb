"""`/delivery`: the last probe of each relay, what to change, and the button."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.world import World

from answerback.core import clock
from answerback.outbound import way_back
from answerback.outbound.models import Probe
from answerback.people.models import Account

BUTTON = 'action="/delivery/probe"'


@pytest.fixture(autouse=True)
def relay(settings: object) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"  # type: ignore[attr-defined]
    settings.PROBE_EVERY = 86400  # type: ignore[attr-defined]
    settings.PROBE_ADDRESS = "nobody-*@elsewhere.test"  # type: ignore[attr-defined]


def ended(result: Probe.Result, said: str, world: World) -> Probe:
    probe = way_back.start()
    assert probe
    world.outcome(probe.delivery, said, final=False)
    now = clock.now()
    Probe.objects.filter(pk=probe.pk).update(
        result=result, started_at=now - timedelta(hours=2), concluded_at=now - timedelta(hours=1)
    )
    return probe


def shown(browser: Client) -> str:
    return browser.get("/delivery").content.decode()


def test_before_the_first_probe(bruno: Client) -> None:
    page = shown(bruno)
    assert "Noch nicht bewiesen" in page
    assert "data-way" not in page
    assert BUTTON in page


def test_an_admin_sends_one_and_only_one(bruno: Client) -> None:
    page = bruno.post("/delivery/probe", follow=True).content.decode()
    assert "Eine Probemail ist unterwegs." in page
    assert "disabled" in page.split(BUTTON)[1].split("</form>")[0]
    page = bruno.post("/delivery/probe", follow=True).content.decode()
    assert "Eine Probemail ist bereits unterwegs." in page
    probe = Probe.objects.get()
    assert (probe.way, probe.by.email if probe.by else "") == ("relay.acme.test:25", "bruno@acme.test")


def test_agents_read_and_supervisors_press(ada: Client, world: World) -> None:
    assert BUTTON not in shown(ada)
    assert ada.post("/delivery/probe").status_code == 403
    assert not Probe.objects.exists()
    Account.objects.filter(pk=world.ada.pk).update(supervisor=True)
    ada.post("/delivery/probe")
    assert Probe.objects.count() == 1


def test_what_the_last_one_showed_and_what_to_change(ada: Client, world: World, settings: object) -> None:
    ended(Probe.Result.MISSING, "250 2.0.0 Ok", world)
    page = shown(ada)
    assert 'data-way="relay.acme.test:25" data-result="missing"' in page
    assert "badge--bad" in page.split("data-way")[1]
    assert "ANSWERBACK_RETURN_PATH=fixed" in page
    assert 'data-state="blind"' in page
    settings.RETURN_PATH = "fixed"  # type: ignore[attr-defined]
    assert "Answerback has to fetch that mailbox" in shown(ada)
    settings.RETURN_PATH = "signed"  # type: ignore[attr-defined]

    ended(Probe.Result.REFUSED, "550 5.1.1 No such user", world)
    page = shown(ada)
    assert "Name an address that is accepted first: ANSWERBACK_PROBE_ADDRESS." in page
    assert "550 5.1.1 No such user" in page
    assert 'data-state="blind"' in page  # it proves nothing


def test_where_no_probe_can_go_the_page_says_so(bruno: Client, settings: object) -> None:
    settings.RELAY_URL, settings.PROBE_ADDRESS = "mx", ""  # type: ignore[attr-defined]
    page = shown(bruno)
    assert "ANSWERBACK_PROBE_ADDRESS" in page
    assert "disabled" in page.split(BUTTON)[1].split("</form>")[0]
    assert "ANSWERBACK_PROBE_ADDRESS" in bruno.post("/delivery/probe", follow=True).content.decode()
    settings.RELAY_URL = ""  # type: ignore[attr-defined]
    assert "kein Relay eingerichtet" in bruno.post("/delivery/probe", follow=True).content.decode()


def test_the_reports_count_no_probe(bruno: Client, world: World) -> None:
    probe = ended(Probe.Result.REFUSED, "550 5.1.1 No such user", world)
    assert probe.delivery.recipient not in bruno.get("/delivery/log?any=1").content.decode()
    assert "elsewhere.test" not in bruno.get("/delivery/reports").content.decode()
    assert probe.delivery.recipient not in bruno.get("/delivery/agents").content.decode()
