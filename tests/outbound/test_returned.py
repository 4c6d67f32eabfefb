"""What a report may change, and what it may not: each line of the policy, on the real tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.outbound.conftest import Outbox, make_ticket, make_world, notification
from tests.outbound.reports import recipient_group, report, return_path, token

from answerback.core import clock
from answerback.outbound import lifecycle
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.outbound.returned import Result, handle_report
from answerback.outbound.told import Outcome
from answerback.tickets.models import Event
from mailroom.message import parse
from mailroom.report import Action, DeliveryReport

CLARA, DENIZ = "clara@customer.test", "deniz@customer.test"


def accept(*rows: Delivery) -> None:
    attempts = lifecycle.claim([row.pk for row in rows], "me", clock.now() + timedelta(minutes=15))
    said = DeliveryReport("", Action.RELAYED, reply_code=250, diagnostic="250 2.0.0 Ok")
    lifecycle.record([Outcome(pk, said, "me", number) for pk, number in attempts.items()])


def state(row: Delivery) -> str:
    return Delivery.objects.get(pk=row.pk).state


@pytest.fixture
def sent(outbox: Outbox) -> Sequence[Delivery]:
    """Clara's and Deniz's copies of an answer, both accepted."""
    rows = outbox()
    accept(*rows)
    return list(Delivery.objects.order_by("id"))


def test_a_report_to_the_signed_return_path_fails_that_recipient(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    result = handle_report(1, report(recipient_group(CLARA)), [return_path(clara)])
    assert result == Result("report", "bounce", clara.ticket_id)
    row = Delivery.objects.get(pk=clara.pk)
    assert (row.state, row.smtp_code, row.enhanced_code, row.cause) == ("failed", 550, "5.1.1", "address_unknown")
    assert state(deniz) == "accepted"
    event = DeliveryEvent.objects.latest("id")
    assert (event.match, event.source, event.raw_mail_id) == ("return_path", "report", 1)


def test_days_later_too(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    address = return_path(clara)
    with time_machine.travel(clock.now() + timedelta(days=9)):
        handle_report(1, report(recipient_group(CLARA)), [address])
    assert state(clara) == "failed"


def test_the_token_in_the_returned_original_proves_as_much(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    mail = report(recipient_group(DENIZ), delivery_token=token(deniz))
    assert handle_report(1, mail, ["support@acme.test"]).state == "report"
    assert (state(clara), state(deniz)) == ("accepted", "failed")
    assert DeliveryEvent.objects.latest("id").match == "token"


def test_a_forwarded_mail_bounces_under_another_address(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    handle_report(1, report(recipient_group("clara@home.test")), [return_path(clara)])
    handle_report(2, report(recipient_group("list-member@home.test", original=DENIZ)), [return_path(deniz)])
    assert (state(clara), state(deniz)) == ("failed", "failed")


def test_case_and_idna_do_not_matter(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    mail = report(recipient_group("Clara@CUSTOMER.test"), recipient_group("other@customer.test"))
    handle_report(1, mail, [return_path(clara).upper()])
    assert state(clara) == "failed"


def test_a_report_marks_only_what_its_proof_covers(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    mail = report(recipient_group(CLARA), recipient_group(DENIZ))
    handle_report(1, mail, [return_path(clara)])
    assert (state(clara), state(deniz)) == ("failed", "accepted")


def test_a_report_about_several_is_split_to_those_it_proves(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    mail = report(recipient_group(CLARA, status="5.2.2"), recipient_group(DENIZ, "delayed", "4.4.1"))
    handle_report(1, mail, [return_path(clara), return_path(deniz)])
    assert (state(clara), state(deniz)) == ("failed", "delayed")
    assert Delivery.objects.get(pk=clara.pk).cause == "mailbox_full"


def test_a_token_counts_in_the_returned_original_only(sent: Sequence[Delivery]) -> None:
    """Above the report, or among its words, anybody can write what a reply has quoted."""
    clara, _ = sent
    raw = report(recipient_group(CLARA)).raw
    mark = f"X-Answerback-Delivery: {token(clara)}\r\n".encode()
    in_words = raw.replace(b"This is the mail system.", b"This is the mail system.\r\n" + mark)
    for number, mail in enumerate((mark + raw, in_words), start=1):
        assert handle_report(number, parse(mail), ["support@acme.test"]).state == "unmatched"
    assert state(clara) == "accepted"


def test_a_proof_for_somebody_else_covers_nobody(sent: Sequence[Delivery]) -> None:
    """Deniz's server may say what it likes about Clara and a third: it is not believed."""
    clara, deniz = sent
    mail = report(recipient_group(CLARA), recipient_group("third@customer.test"))
    result = handle_report(1, mail, [return_path(deniz)])
    assert (result.state, result.reason) == ("unmatched", "other-recipient")
    assert (state(clara), state(deniz)) == ("accepted", "accepted")


def test_another_recipient_of_another_message_is_not_believed(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    mail = report(recipient_group("victim@example.org"), message_id="<guessed.123@acme.test>")
    assert handle_report(1, mail, [return_path(clara)]) == Result("unmatched", "other-recipient")
    assert state(clara) == "accepted"
    ours = report(recipient_group("clara@home.test"), message_id=clara.message.message_id)
    handle_report(2, ours, [return_path(clara)])
    assert state(clara) == "failed"


@pytest.mark.parametrize("change", ["mac", "key", "cut"])
def test_forged_return_paths_change_nothing(sent: Sequence[Delivery], change: str) -> None:
    clara, _ = sent
    local, _, domain = return_path(clara).rpartition("@")
    forged = {
        "mac": local[:-3] + ("aaa" if not local.endswith("aaa") else "bbb"),
        "key": "b-b" + local[3:],
        "cut": local[:-1],
    }[change]
    result = handle_report(1, report(recipient_group(CLARA)), [f"{forged}@{domain}"])
    assert result.state == "unmatched"
    assert result.reason in ("forged", "no-proof")
    assert state(clara) == "accepted"


def test_an_expired_return_path_changes_nothing(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    address = return_path(clara)
    with time_machine.travel(clock.now() + timedelta(days=61)):
        result = handle_report(1, report(recipient_group(CLARA)), [address])
    assert (result.state, result.reason) == ("unmatched", "expired-return-path")
    assert state(clara) == "accepted"


def test_another_domain_is_not_our_return_path(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    local = return_path(clara).partition("@")[0]
    handle_report(1, report(recipient_group(CLARA)), [f"{local}@elsewhere.test"])
    assert state(clara) == "accepted"


def test_the_message_id_alone_is_a_note_on_the_ticket(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    mail = report(recipient_group(CLARA), message_id=clara.message.message_id)
    for number in (1, 2, 3):
        assert handle_report(number, mail, ["support@acme.test"]) == Result("report", "unproven", clara.ticket_id)
    assert state(clara) == "accepted"
    assert not DeliveryEvent.objects.filter(raw_mail_id__isnull=False).exists()
    [note] = Event.objects.filter(kind="DeliveryNote")
    assert (note.data["note"], note.data["recipient"], note.data["cause"]) == (
        "unproven_report",
        CLARA,
        "address_unknown",
    )


def test_the_message_id_with_a_stranger_is_nothing(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    mail = report(recipient_group("eve@elsewhere.test"), message_id=clara.message.message_id)
    assert handle_report(1, mail, ["support@acme.test"]) == Result("unmatched", "no-proof")
    assert not Event.objects.filter(kind="DeliveryNote").exists()


def test_mail_that_reports_nothing_is_kept_in_sight(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    mail = parse(b"From: a@customer.test\r\nSubject: Hello\r\n\r\nHello, all is well.\r\n")
    assert handle_report(1, mail, [return_path(clara)]) == Result("unmatched", "nothing-reported", clara.ticket_id)
    assert state(clara) == "accepted"


def test_a_person_who_quotes_a_report_reports_nothing(sent: Sequence[Delivery]) -> None:
    """QUIRK: found by the chaos server: subject and quoted words were enough to be taken for a notice."""
    clara, _ = sent
    mail = parse(
        b"From: clara@customer.test\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\n"
        b"I got this, what does it mean?\r\n\r\n> Reporting-MTA: dns; mx.customer.test\r\n>\r\n"
        b"> Final-Recipient: rfc822; clara@customer.test\r\n> Action: failed\r\n> Status: 5.1.1\r\n"
        b"> Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
    )
    assert handle_report(1, mail, [return_path(clara)]).reason == "nothing-reported"
    assert state(clara) == "accepted"


def test_a_delay_and_a_late_delivery(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    handle_report(1, report(recipient_group(CLARA, "delayed", "4.4.1")), [return_path(clara)])
    assert state(clara) == "delayed"
    handle_report(2, report(recipient_group(CLARA, "delivered", "2.0.0")), [return_path(clara)])
    assert state(clara) == "delivered"


def test_reading_a_mail_again_changes_nothing(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    mail = report(recipient_group(CLARA))
    assert [handle_report(1, mail, [return_path(clara)]).state for _ in range(3)] == ["report"] * 3
    assert DeliveryEvent.objects.filter(raw_mail_id=1).count() == 1


def test_a_report_overtakes_the_session(outbox: Outbox) -> None:
    clara, _ = outbox()
    lifecycle.claim([clara.pk], "me", clock.now() + timedelta(minutes=15))
    handle_report(1, report(recipient_group(CLARA)), [return_path(clara)])
    lifecycle.record([Outcome(clara.pk, DeliveryReport("", Action.RELAYED, reply_code=250), "me", 1)])
    assert state(clara) == "failed"


RANK = ("accepted", "delayed", "delivered", "failed")
NEWS = {
    "relayed": ("relayed", "2.0.0"),
    "delayed": ("delayed", "4.4.1"),
    "delivered": ("delivered", "2.0.0"),
    "failed": ("failed", "5.1.1"),
}


@override_settings(RELAY_URL="smtp://relay.test:2525")
class AnyOrder(TestCase):
    """Reports come late, twice and in any order; the end is the gravest that was said."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Two accepted copies of an answer, made once: each example is rolled back to them."""
        world = make_world()
        notification(world, make_ticket(world), [world.clara, world.deniz])
        cls.clara, cls.other = Delivery.objects.order_by("id")
        accept(cls.clara, cls.other)

    @given(st.lists(st.sampled_from(sorted(NEWS)), min_size=1, max_size=6), st.data())
    def test_the_end_does_not_depend_on_order_or_repeats(self, news: list[str], data: st.DataObject) -> None:
        mails = list(enumerate(news, start=1))
        arrivals = data.draw(st.permutations(mails + data.draw(st.lists(st.sampled_from(mails), max_size=4))))
        for number, word in arrivals:
            handle_report(number, report(recipient_group(CLARA, *NEWS[word])), [return_path(self.clara)])
        told = {"accepted", *(word for word in news if word != "relayed")}
        assert state(self.clara) == max(told, key=RANK.index)
        assert state(self.other) == "accepted"
        assert DeliveryEvent.objects.filter(raw_mail_id__isnull=False).count() == len(news)
