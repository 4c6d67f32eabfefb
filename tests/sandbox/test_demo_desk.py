"""The demo's desk: lived in, in two languages, with each failure once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from answerback.inbound import process
from answerback.outbound.models import Delivery, DeliveryEvent, Resolution
from answerback.people.models import Account
from answerback.sandbox import demo_desk
from answerback.search import views
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket
from mailroom.states import State


@pytest.fixture
def installed(db: None, settings: Any, tmp_path: Path) -> demo_desk.Credentials:
    settings.DATA_DIR, settings.SANDBOX_DIR = tmp_path, tmp_path / "sandbox"
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "desk.sandbox.test"
    settings.RELAY_URL = "mx:2526"
    credentials = demo_desk.install(process.process)
    assert credentials
    return credentials


def test_desk(installed: demo_desk.Credentials) -> None:
    """One installation for all: it plays three weeks."""
    every_case_is_there()
    it_is_lived_in(installed)
    people_can_sign_in(installed)
    second_start_changes_nothing()


def every_case_is_there() -> None:
    states = set(Delivery.objects.values_list("state", flat=True))
    assert states >= set(State) - {State.QUEUED, State.SENDING}
    causes = set(Delivery.objects.filter(state=State.FAILED, kind="answer").values_list("cause", flat=True))
    assert causes >= {
        "address_unknown", "mailbox_full", "mailbox_disabled", "spam_content", "message_too_big", "auth_policy",
    }  # fmt: skip
    assert set(Resolution.objects.values_list("how", flat=True)) >= {"corrected", "handled"}
    assert Delivery.objects.filter(kind="automatic", state=State.FAILED).exists()
    assert Delivery.objects.filter(kind="agent", state=State.FAILED).exists()
    assert DeliveryEvent.objects.filter(fact="complaint").exists()
    assert DeliveryEvent.objects.filter(fact="report_failed", from_state="accepted", raw_mail_id__isnull=False).exists()
    assert set(RawMail.objects.values_list("state", flat=True)) >= {"ticket", "report", "unreadable", "unmatched"}


def it_is_lived_in(installed: demo_desk.Credentials) -> None:
    assert Ticket.objects.count() >= 35
    assert set(Ticket.objects.values_list("status", flat=True)) == set(Ticket.Status.values)
    assert not Ticket.objects.filter(comments__isnull=True).exists()
    assert set(Ticket.objects.values_list("support_address__language", flat=True)) == {"en", "de"}
    account = Account.objects.get(email=installed.agent["email"])
    undelivered = views.find("undelivered", account)
    assert undelivered
    assert views.tickets(undelivered, account).count() >= 5


def people_can_sign_in(installed: demo_desk.Credentials) -> None:
    for who in (installed.admin, installed.agent, installed.agent_de):
        assert Account.objects.get(email=who["email"]).check_password(who["password"])


def second_start_changes_nothing() -> None:
    before = Delivery.objects.count()
    assert demo_desk.install(process.process) is None
    assert Delivery.objects.count() == before
