"""Delivery reports: figures that are right, and that lead to exactly the list behind them."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.world import World

from answerback.core import clock
from answerback.desk.fixing import recover
from answerback.desk.telling import notices
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import Account
from answerback.reports import failed_mail, over_time, time_to_fix
from answerback.workspace import bar_chart

UNKNOWN = "550 5.1.1 User unknown"
FULL = "552 5.2.2 Mailbox full"
LATER = "451 4.7.1 Try again later"
OK = "250 2.0.0 Ok: queued"


def answer_ends(world: World, *texts: str, to: str = "") -> Delivery:
    """An answer and what servers say of it, one after the other."""
    person = identities.find_or_create(to).person if to else world.deniz
    world.answer(world.ticket(ccs=[person]))
    delivery = world.delivery_to(person)
    for text in texts:
        world.outcome(delivery, text)
        delivery.refresh_from_db()
    return delivery


def shares(grouping: str) -> list[tuple[str, int]]:
    return [(one.name, one.count) for one in failed_mail.by(grouping, over_time.period("24h"))]


def test_mail_is_counted_by_what_happened_to_it(world: World) -> None:
    answer_ends(world, OK)
    answer_ends(world, LATER, FULL)
    bounced = answer_ends(world, OK)
    world.report(bounced, FULL)
    totals = over_time.totals(over_time.count(over_time.period("24h")))
    assert totals == {"accepted": 2, "deferred": 1, "refused": 1, "bounced": 1, "complaint": 0}


def test_the_hour_and_the_day_of_an_event(world: World) -> None:
    now = clock.now()
    with clock.at(now - timedelta(hours=3)):
        answer_ends(world, FULL)
    hours = over_time.count(over_time.period("24h"))
    assert [bucket.counts["refused"] for bucket in hours[-4:]] == [1, 0, 0, 0]
    assert len(hours) == 24
    days = over_time.count(over_time.period("90d"))
    assert (len(days), sum(bucket.counts["refused"] for bucket in days[-2:])) == (90, 1)


def test_days_are_the_readers_own_also_when_the_clocks_change(world: World) -> None:
    after_the_change = datetime(2026, 10, 27, 12, tzinfo=UTC)  # on the 25th the clocks went back in Berlin
    with timezone.override("Europe/Berlin"):
        with clock.at(datetime(2026, 10, 25, 22, 30, tzinfo=UTC)):  # 23:30, the 25th hour of that day
            answer_ends(world, FULL)
        with clock.at(datetime(2026, 10, 25, 23, 30, tzinfo=UTC)):  # the 26th
            answer_ends(world, FULL)
        with clock.at(after_the_change):
            days = over_time.count(over_time.period("7d"))
    counted = {bucket.start.astimezone(UTC).isoformat(): bucket.counts["refused"] for bucket in days}
    assert counted["2026-10-24T22:00:00+00:00"] == 1
    assert counted["2026-10-25T23:00:00+00:00"] == 1
    assert len(days) == 7


def test_failures_by_what_they_have_in_common(world: World) -> None:
    answer_ends(world, FULL, to="a@one.test")
    answer_ends(world, FULL, to="b@ONE.test")
    answer_ends(world, UNKNOWN, to="c@two.test")
    assert shares("cause") == [("mailbox_full", 2), ("address_unknown", 1)]
    assert shares("domain") == [("one.test", 2), ("two.test", 1)]
    assert shares("trigger") == [("Notify requester and CCs of comment update", 3)]
    assert shares("address") == [("support@acme.test", 3)]
    assert [one.percent for one in failed_mail.by("domain", over_time.period("24h"))] == [67, 33]


def test_how_soon_failures_are_seen_and_mended(world: World) -> None:
    now = clock.now()
    with clock.at(now - timedelta(hours=6)):
        seen, _unseen = answer_ends(world, FULL), answer_ends(world, FULL, to="a@one.test")
    with clock.at(now - timedelta(hours=4)):
        notices.read_ticket(world.ada, seen.ticket_id or 0)
        recover.mark_handled(seen.pk, world.ada)
    within = over_time.period("7d")
    noticed = time_to_fix.of(notices.times_to_notice(within.start, within.end))
    fixed = time_to_fix.fixed(within)
    for times in (noticed, fixed):
        assert (times.total, times.done, times.within) == (2, 1, (0, 1, 1))
        assert times.median is not None
        assert abs(times.median - timedelta(hours=2)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "pattern", [r'href="([^"]*)" data-figure="refused">(\d+)<', r'<td><a href="(/delivery/log[^"]*)">(\d+)<']
)
def test_every_figure_leads_to_exactly_the_list_behind_it(pattern: str, world: World, bruno: Client) -> None:
    answer_ends(world, LATER, FULL, to="a@one.test")
    answer_ends(world, UNKNOWN, to="b@two.test")
    answer_ends(world, OK)
    found = re.findall(pattern, bruno.get("/delivery/reports", {"period": "24h"}).text)
    assert found
    for url, count in found:
        page = bruno.get(html.unescape(url)).text
        assert page.count("data-event=") == int(count), url


def test_any_mail_can_be_found(world: World, bruno: Client) -> None:
    delivery = answer_ends(world, FULL, to="Gina@one.test")
    answer_ends(world, OK)
    for asked in (
        {"recipient": delivery.recipient, "what": "failed"},
        {"message_id": delivery.message.message_id},
        {"code": "5.2.2"},
        {"code": "552"},
        {"cause": "mailbox_full", "any": "1", "recipient": ""},
    ):
        page = bruno.get("/delivery/log", asked).text
        assert "Gina@one.test" in page, asked
        assert "deniz@customer.test</span>" not in page, asked
    assert "Nichts gefunden" in bruno.get("/delivery/log", {"since": "2020-01-01", "until": "2020-01-02"}).text


def test_reports_are_for_supervisors(world: World, ada: Client) -> None:
    for url in ("/delivery/reports", "/delivery/log", "/delivery/reports/cause.csv", "/delivery/log.csv"):
        assert ada.get(url).status_code == 403, url
    assert "/delivery/reports" not in ada.get("/delivery").text
    Account.objects.filter(pk=world.ada.pk).update(supervisor=True)
    assert "Nothing failed in this period" in ada.get("/delivery/reports").text
    assert "/delivery/reports" in ada.get("/delivery").text


def test_reports_as_files(world: World, bruno: Client) -> None:
    answer_ends(world, FULL, to="a@one.test")
    [row] = csv.DictReader(io.StringIO(bruno.get("/delivery/reports/domain.csv").content.decode("utf-8-sig")))
    assert row == {"domain": "one.test", "failures": "1", "percent": "100"}
    rows = list(csv.DictReader(io.StringIO(bruno.get("/delivery/reports/time.csv").content.decode("utf-8-sig"))))
    assert (len(rows), sum(int(one["refused"]) for one in rows)) == (7, 1)
    log = list(csv.DictReader(io.StringIO(bruno.get("/delivery/log.csv?what=failed").content.decode("utf-8-sig"))))
    assert [one["recipient"] for one in log] == ["a@one.test"]
    assert bruno.get("/delivery/reports/secrets.csv").status_code == 404


@pytest.mark.parametrize("url", ["/delivery/reports", "/delivery/log"])
def test_more_mail_costs_no_more_queries(url: str, world: World, bruno: Client) -> None:
    answer_ends(world, FULL, to="a0@d0.test")
    bruno.get(url)
    with CaptureQueriesContext(connection) as few:
        bruno.get(url)
    for number in range(1, 5):
        answer_ends(world, FULL, to=f"a{number}@d{number}.test")
    with CaptureQueriesContext(connection) as many:
        bruno.get(url)
    assert len(many) <= len(few)


def test_one_failure_among_thousands_is_still_seen() -> None:
    chart = bar_chart.draw(("accepted", "refused"), [[10_000, 1], [0, 0]])
    heights = {segment.series: float(segment.height) for segment in chart.segments}
    assert heights["refused"] >= 2
    assert all(float(segment.y) >= 0 for segment in chart.segments)
