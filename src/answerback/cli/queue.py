"""`answerback queue`: how much mail waits, and whether all of it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click

from answerback.core import clock
from answerback.outbound import alarms, claims, lanes
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.reports import sending
from answerback.reports.sending import LaneStanding

LOOK_EVERY = 0.2  # seconds
ERROR_SHOWN = 200  # characters


@click.command("queue")
@click.option(
    "--wait-idle",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait until nothing is due or under way; exit code 1 where that takes longer.",
)
def command(wait_idle: float | None) -> None:
    """Show how many deliveries are due, under way and waiting, the oldest of them, and each destination."""
    idle = is_idle() if wait_idle is None else _wait(wait_idle)
    for line in _report():
        click.echo(line)
    if wait_idle is not None and not idle:
        sys.exit(1)


def is_idle() -> bool:
    """Nothing is due, nothing is under way, and what was said has been reacted to."""
    depth = claims.depth()
    return not (depth["due"] or depth["sending"] or DeliveryEvent.objects.filter(handled_at__isnull=True).exists())


def _wait(seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not is_idle():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK_EVERY)
    return True


def _report() -> Iterator[str]:
    depth = claims.depth()
    yield f"due {depth['due']}, under way {depth['sending']}, waiting for a later attempt {depth['waiting']}"
    waiting = Delivery.objects.filter(next_attempt_at__lte=clock.now()).order_by("next_attempt_at")
    if oldest := waiting.values_list("next_attempt_at", flat=True).first():
        yield f"oldest due since {int((clock.now() - oldest).total_seconds())} s"
    if down := lanes.sending_is_down():
        yield f"sending is down since {down.isoformat(timespec='seconds')}"
    for alarm in alarms.told():
        yield f"alarm: {alarm.destination} {alarm.kind} since {alarm.since.isoformat(timespec='seconds')}"
    for lane in sending.lane_standings():
        yield ", ".join(_describe(lane))


def _describe(lane: LaneStanding) -> Iterator[str]:
    yield f"{lane.destination}: {lane.state}"
    yield f"waiting {lane.waiting}"
    if lane.use:
        yield f"connections {lane.use.sessions} of {lane.use.sessions_allowed}"
    if lane.oldest_due:
        yield f"oldest due since {int((clock.now() - lane.oldest_due).total_seconds())} s"
    if lane.rate:
        yield f"limit {lane.rate}"
    if lane.lane and lane.lane.last_error_at:
        at = lane.lane.last_error_at.isoformat(timespec="seconds")
        yield f"last error {at} {lane.lane.last_cause}: {_one_line(lane.lane.last_error)}"


def _one_line(text: str) -> str:
    """What a server said: no line of its own, and nothing that a terminal takes for an order."""
    return "".join(char if char.isprintable() else " " for char in text)[:ERROR_SHOWN]
