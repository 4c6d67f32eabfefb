"""The demo's desk is lived in: every case that a visitor should find is there, and came about as in life."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import F, Q
from django.test import Client, override_settings
from django.utils.html import escape

from answerback.core import clock
from answerback.desk.models import Escalation
from answerback.inbound import process
from answerback.outbound import standing
from answerback.outbound.models import Delivery, DeliveryEvent, Message, Resolution
from answerback.outbound.standing import Case
from answerback.people import identities, tokens
from answerback.people.models import Account, Organization, Person
from answerback.sandbox import demo_desk, mailboxes
from answerback.sandbox.demo_desk import Credentials, servers, story
from answerback.sandbox.demo_desk.story import Returns, Story, Writes
from answerback.sandbox.fates import FATES, Fate, Form, Reaction, fate_of
from answerback.search import views
from answerback.search.models import View
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import Attachment, Comment, Event, Participant, SupportAddress, Ticket
from mailroom import typos
from mailroom.causes import catalogue
from mailroom.causes.classify import classify

MAIL_DOMAIN = "desk.sandbox.test"
REPORTING = {Reaction.FAILURE, Reaction.DELAY, Reaction.DELIVERED, Reaction.COMPLAINT}


@pytest.fixture(scope="module")
def credentials(
    django_db_setup: None, django_db_blocker: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Credentials]:
    """The desk, installed once for all tests of this file, with the settings of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    dns = free_port()
    settings = override_settings(
        DATA_DIR=folder,
        SANDBOX_DIR=folder / "sandbox",
        MAIL_DOMAIN=MAIL_DOMAIN,
        RETURN_PATH_DOMAIN=MAIL_DOMAIN,
        RELAY_URL="mx",
        RETRY_SCHEDULE=(5, 10, 20, 40),
        EXPIRE_AFTER=600,
        DELAY_WARNING_AFTER=60,
        RESOLVER=f"127.0.0.1:{dns}",
        SANDBOX_DNS_LISTEN=("127.0.0.1", dns),
    )
    with settings, django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        installed = demo_desk.install(process.process)
        assert installed
        yield installed
        transaction.set_rollback(True)


@pytest.fixture
def desk(credentials: Credentials) -> None:
    """The installed desk; tests look at it and change nothing."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def deliveries(**where: object) -> list[Delivery]:
    return list(Delivery.objects.filter(**where).select_related("ticket__requester"))


# A lived-in desk


def test_about_forty_conversations_in_two_languages_and_every_status(desk: None) -> None:
    tickets = list(Ticket.objects.select_related("requester"))
    assert 40 <= len(tickets) <= 55
    assert {ticket.status for ticket in tickets} == set(Ticket.Status)
    assert {ticket.priority for ticket in tickets} >= set(Ticket.Priority)
    assert {ticket.type for ticket in tickets} >= set(Ticket.Type)
    languages = [ticket.requester.language for ticket in tickets]
    assert min(languages.count("de"), languages.count("en")) >= 15
    assert any(ticket.assignee is None for ticket in tickets)
    assert len({ticket.assignee_id for ticket in tickets}) >= 6
    assert all(ticket.comments.exists() for ticket in tickets)


def test_it_happened_in_order_and_in_the_past(desk: None) -> None:
    created = list(Ticket.objects.order_by("id").values_list("created_at", flat=True))
    assert created == sorted(created)
    assert created[0] < clock.now() - timedelta(days=18)
    assert not Ticket.objects.filter(updated_at__gt=clock.now()).exists()
    assert not Delivery.objects.filter(queued_at__gt=clock.now()).exists()
    assert not DeliveryEvent.objects.filter(at__lt=F("delivery__queued_at")).exists()


def test_conversations_have_what_mail_has(desk: None) -> None:
    assert Attachment.objects.filter(inline=True, content_type="image/png").exists()
    assert Attachment.objects.filter(inline=False, content_type="application/pdf").exists()
    picture = Comment.objects.get(attachments__inline=True)
    assert 'src="cid:' in picture.html
    assert Comment.objects.exclude(quoted_text="").exists()
    assert Comment.objects.filter(public=False, automatic="").exists()
    assert Comment.objects.filter(trust="authenticated").count() > 40
    assert Participant.objects.filter(role="cc", confirmed=True).exists()
    assert Participant.objects.filter(role="cc", confirmed=False).exists()


def test_something_solved_lately_whatever_the_hour(desk: None) -> None:
    """Solved tickets close after four days: those that a visitor finds are younger by far."""
    assert Ticket.objects.filter(status="solved", solved_at__gt=clock.now() - timedelta(days=3, hours=12)).exists()


def test_customers_are_people(desk: None) -> None:
    assert Person.objects.exclude(phone="").count() > 10
    assert Person.objects.exclude(notes="").count() > 5
    assert Organization.objects.count() > 5
    several = [person for person in Person.objects.all() if person.identities.count() > 1]
    assert len(several) >= 2


# Each failure case

CASES = {
    "delivered": Q(state="delivered"),
    "delayed by a report": Q(state="delayed", events__fact="report_delayed", events__raw_mail_id__isnull=False),
    "still trying": Q(state="deferred"),
    "greylisted, then accepted": Q(state="accepted", events__cause="greylisted"),
    "may have arrived already": Q(state="accepted", ambiguous=True),
    "bounced later": Q(state="failed", events__fact="report_failed", events__match="return_path"),
    "given up": Q(state="failed", events__fact="expire"),
    "stopped by an agent": Q(state="cancelled", stopped_by__isnull=False),
    "held: suppressed": Q(state="held", hold_reason="suppressed", kind="answer"),
    "held by a rule": Q(state="held", hold_reason__startswith="rule:"),
    "complaint": Q(state="accepted", events__fact="complaint"),
    "acknowledgement failed": Q(state="failed", kind="automatic"),
    "mail to an agent failed": Q(state="failed", kind="agent"),
    "only a copy failed": Q(state="failed", role="cc", kind="answer"),
    "closed ticket": Q(state="failed", ticket__status="closed", ticket__delivery_health="failed"),
    "refused without an enhanced code": Q(state="failed", smtp_code=550, enhanced_code=""),
}


@pytest.mark.parametrize("case", CASES)
def test_case_is_there(desk: None, case: str) -> None:
    assert Delivery.objects.filter(CASES[case]).exists()


@pytest.mark.parametrize(
    "fate", [fate for fate in FATES.values() if fate.reply or fate.report], ids=lambda fate: fate.name
)
def test_every_cause_that_the_played_internet_knows_occurs(desk: None, fate: Fate) -> None:
    text = (fate.reply or fate.report).format(rcpt="anna@kunden.sandbox.test", domain="kunden.sandbox.test")
    report = servers.what_is_said(text, "anna@kunden.sandbox.test")
    cause = classify(report).cause
    assert DeliveryEvent.objects.filter(cause=cause).exists(), cause


def test_what_failed_says_why_in_the_right_words(credentials: Credentials, client: Client) -> None:
    """At least 25 causes, each with its sentence on the card of a failure in the language of its reader."""
    failing = Q(failed_at__isnull=False) | Q(state__in=("deferred", "delayed"))
    of_cause = {row.cause: row for row in Delivery.objects.filter(failing).exclude(cause="").exclude(kind="system")}
    assert len(of_cause) >= 25
    for given, language in ((credentials.agent, "en"), (credentials.agent_de, "de")):
        client.force_login(Account.objects.get(email=given["email"]))
        for cause, row in of_cause.items():
            page = client.get(f"/deliveries/{row.pk}/card", headers={"HX-Request": "true"}).text
            assert escape(catalogue.load().cause(cause).sentence[language]) in page, (cause, row.recipient)


def test_reports_came_back_in_many_forms(desk: None) -> None:
    steps = (step for told in story.load() for step in told.steps)
    fates = [FATES[step.fate] for step in steps if isinstance(step, Returns)]
    assert {fate.form for fate in fates if fate.reaction is Reaction.FAILURE} == set(Form)
    reported = RawMail.objects.filter(state="report")
    assert reported.count() == len([fate for fate in fates if fate.reaction in REPORTING])


def test_a_rule_of_its_own_names_what_a_gateway_means(desk: None) -> None:
    [refused] = deliveries(diagnostic__contains="rule 17")
    assert (refused.state, refused.cause) == ("failed", "recipient_restricted")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("case", [Case.ONE, Case.SOME, Case.ALL])
def test_every_banner_in_both_languages(desk: None, case: Case, language: str) -> None:
    assert case in {found for found, spoken in _banners() if spoken == language}


def test_banner_of_what_was_not_even_sent(desk: None) -> None:
    assert Case.ONE_HELD in {found for found, _ in _banners()}


def _banners() -> set[tuple[Case, str]]:
    failed = Ticket.objects.exclude(delivery_health="").select_related("requester")
    return {
        (told.case, ticket.requester.language) for ticket in failed for told in standing.of_ticket(ticket.pk).values()
    }


@pytest.mark.parametrize("how", [how for how in Resolution.How if how is not Resolution.How.TAKEN_BACK])
def test_failures_were_put_right_in_every_way(desk: None, how: str) -> None:
    assert Resolution.objects.filter(how=how, revoked_at__isnull=True).exists()


@pytest.mark.parametrize("key", [row["key"] for row in views.SYSTEM_VIEWS])
def test_no_system_view_is_empty(credentials: Credentials, key: str) -> None:
    agent = Account.objects.get(email=credentials.agent["email"])
    assert views.tickets(View.objects.get(key=key), agent).exists()


def test_supervisors_heard_of_overdue_failures_one_after_the_other(desk: None) -> None:
    """Else the demo would tell of all when it starts, and every failing ticket would seem changed just then."""
    told = Escalation.objects.dates("at", "day")
    assert len(told) > 5
    assert not Escalation.objects.filter(mailed_at__isnull=True).exists()


def test_returned_message_can_be_shown(desk: None) -> None:
    event = DeliveryEvent.objects.filter(fact="report_failed").earliest("id")
    returned = raw.content(RawMail.objects.get(pk=event.raw_mail_id))
    assert b"message/delivery-status" in returned or b"mail program" in returned
    assert event.delivery.recipient.encode() in returned


def test_failed_answer_opens_a_solved_ticket(desk: None) -> None:
    reopened = Event.objects.filter(kind="Change", field="status", data__value="open", audit__author=None)
    assert reopened.exists()


def test_mail_that_made_no_ticket(desk: None) -> None:
    states = list(RawMail.objects.exclude(state="ticket").values_list("state", flat=True))
    assert {"unreadable", "unmatched", "suspended", "report", "ignored"} <= set(states)
    assert not RawMail.objects.filter(state="received").exists()
    assert Comment.objects.filter(public=False).exclude(automatic="").exists()


def test_mistyped_domain_resembles_one_that_works(desk: None) -> None:
    mistyped = deliveries(state="failed", cause="address_unknown", ticket__status="pending", role="to")
    suggested = [typos.suggest(row.recipient, identities.working_domains()) for row in mistyped]
    assert "lena.hartwig@briefkasten.kunden.sandbox.test" in [one.address for one in suggested if one]


# What the engine finds


def test_only_what_the_engine_will_really_send_waits(desk: None) -> None:
    queued = [fate_of(row.recipient).name for row in deliveries(state="queued")]
    assert sorted(queued) == ["bounce-later", "greylist"]
    trying = [fate_of(row.recipient).name for row in deliveries(state="deferred")]
    assert sorted(trying) == ["busy", "down"]
    waiting = Delivery.objects.filter(next_attempt_at__isnull=False)
    newest = waiting.latest("queued_at").queued_at  # not the time now: a loaded machine may take long to get here
    assert not waiting.filter(queued_at__lt=newest - timedelta(minutes=5)).exists()


def test_nothing_is_left_half_done(desk: None) -> None:
    assert not DeliveryEvent.objects.filter(handled_at__isnull=True).exists()
    assert not Delivery.objects.filter(state="sending").exists()


def test_mailboxes_hold_what_customers_got(desk: None) -> None:
    box = mailboxes.mailbox(mailboxes.name_of("emre.yilmaz@briefkasten.kunden.sandbox.test"))
    assert box
    assert any(not entry.kept and "Greylisted" in entry.reply for entry in box.entries)
    assert box.entries[-1].at < (clock.now() - timedelta(days=5)).timestamp()
    received = Message.objects.filter(deliveries__recipient=box.address, deliveries__state="accepted")
    assert len(box.messages) == received.count()


# Signing in


def test_credentials_open_the_door(credentials: Credentials) -> None:
    for given, language in ((credentials.admin, "en"), (credentials.agent, "en"), (credentials.agent_de, "de")):
        account = Account.objects.get(email=given["email"])
        assert account.check_password(given["password"])
        assert account.person.language == language
    owner = tokens.account_for(credentials.api["token"])
    assert owner
    assert owner.email == credentials.api["email"]
    assert Account.objects.get(email=credentials.admin["email"]).is_admin
    assert credentials.support_address == f"support@{MAIL_DOMAIN}"


def test_second_installation_does_nothing(credentials: Credentials) -> None:
    before = Ticket.objects.count(), RawMail.objects.count()
    assert demo_desk.install(process.process) is None
    assert demo_desk.install_people() is None
    assert (Ticket.objects.count(), RawMail.objects.count()) == before


@pytest.mark.django_db
def test_people_only() -> None:
    credentials = demo_desk.install_people()
    assert credentials
    assert not Ticket.objects.exists()
    assert set(SupportAddress.objects.values_list("language", flat=True)) == {"de", "en"}
    assert View.objects.exists()
    renewed = demo_desk.renew_credentials()
    account = Account.objects.get(email=renewed.agent["email"])
    assert account.check_password(renewed.agent["password"])
    assert not account.check_password(credentials.agent["password"])
    assert tokens.account_for(credentials.api["token"]) is None


# The stories as data

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("hour", [0, 12, 23])
@pytest.mark.parametrize("told", story.load(), ids=lambda told: told.key)
def test_story_ends_before_now_at_any_time_of_day(told: Story, hour: int) -> None:
    now = datetime(2026, 11, 24, hour, 0, tzinfo=BERLIN)
    moments = told.moments(now)
    assert moments == sorted(moments)


def test_story_that_reaches_into_the_future_is_refused() -> None:
    told = Story("late", "10m", [Writes(after="11m", by="anna", text="…")])
    with pytest.raises(ValueError, match="future"):
        told.moments(datetime(2026, 11, 24, 12, 0, tzinfo=BERLIN))


@pytest.mark.parametrize("text, seconds", [("0s", 0), ("40s", 40), ("2h 10m", 7800), ("3d 4h", 273600)])
def test_span(text: str, seconds: int) -> None:
    assert story.span(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "soon", "2 h", "1h10m", "-5m"])
def test_no_span(text: str) -> None:
    with pytest.raises(ValueError):
        story.span(text)
