"""`answerback queue`: how much mail waits, and whether all of it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click

from answerback.core import clock
from answerback.outbound import claims, lanes
from answerback.outbound.models import Delivery, DeliveryEvent

LOOK_EVERY = 0.2  # seconds


@click.command("queue")
@click.option(
    "--wait-idle",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait until nothing is due or under way; exit code 1 where that takes longer.",
)
def command(wait_idle: float | None) -> None:
    """Show how many deliveries are due, under way and waiting, and how long the oldest has been due."""
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
