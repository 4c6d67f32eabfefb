"""Lanes: what we know of a destination. Paused or limited by a person, or in trouble by a fault of ours.

Policy: a fault of ours (login refused, relay down) is nobody's failure. The lane is marked, everything in it waits and
is shown as waiting for us, and the time does not count towards expiry (`lost_time`). One delivery at a time probes,
after a second at first and every minute later on; the first answer that is not our fault ends the trouble, and all of
it goes at once. What waits is written neither at the beginning nor at the end: it may be a million mails.

A rate limit counts what workers take, all of them together: the lane's row is locked while they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from answerback.core import bulk, clock, db, live
from answerback.outbound import destinations, lost_time
from answerback.outbound.models import Delivery, Lane
from answerback.outbound.pace import Rate
from answerback.people.models import Account

NOT_CONFIGURED = "not_configured"  # Lane.last_cause beside the keys of the catalogue
NO_RELAY = "No relay is configured: name one under Administration → Outgoing mail, or set ANSWERBACK_RELAY_URL."
SENDING_TOPIC = "sending"
ERROR_LENGTH = 2000  # of Lane.last_error

PROBE_FIRST = 1  # seconds
_PROBE_LAST = 60
_PROBE_SHARE = 4  # a quarter of the trouble's age


def pause(destination: str, by: Account | None) -> None:
    """Claims skip the lane from now on; what is under way comes to its end."""
    now = clock.now()
    Lane.objects.update_or_create(
        destination=destination, defaults={"paused_at": now, "paused_by": by, "updated_at": now}
    )
    live.publish(SENDING_TOPIC)


def resume(destination: str) -> None:
    now = clock.now()
    paused = Lane.objects.filter(destination=destination, paused_at__isnull=False)
    paused.update(paused_at=None, paused_by=None, resumed_at=now, updated_at=now)
    live.publish(SENDING_TOPIC)
    live.publish(live.OUTBOX)


def retry_now(destination: str) -> int:
    """Make all that waits there due at once. Gives how many that were."""
    now = clock.now()
    later = Delivery.objects.filter(destination=destination, next_attempt_at__gt=now)
    with transaction.atomic():
        changed = bulk.in_order(later).update(next_attempt_at=now, updated_at=now)
        if changed:
            live.publish(SENDING_TOPIC)
            live.publish(live.OUTBOX)
    return changed


def limit(destination: str, rate: str, by: Account | None) -> None:
    """`rate` as `Rate` reads it, `Lane.UNLIMITED`, or "" for what the settings say. ValueError where it is none."""
    text = rate if rate in ("", Lane.UNLIMITED) else str(Rate.read(rate))
    now = clock.now()
    limited = {"rate": text, "rate_at": now, "rate_by": by, "updated_at": now}
    with transaction.atomic():
        Lane.objects.update_or_create(destination=destination, defaults=limited)
        live.publish(SENDING_TOPIC)
        live.publish(live.OUTBOX)


def rate_of(destination: str, lane: Lane | None) -> Rate | None:
    """The limit that holds: the lane's own, else for a relay that of the settings."""
    text = lane.rate if lane else ""
    if not text and destinations.way_of(destination) != destinations.MX_WAY:
        text = settings.RELAY_RATE
    return None if text in ("", Lane.UNLIMITED) else Rate.read(text)


def used_until(destination: str) -> datetime | None:
    """Until when the limit is used up; no other worker may take mail there meanwhile. Belongs into a transaction."""
    rows = Lane.objects.select_for_update()
    return rows.get_or_create(destination=destination, defaults={"updated_at": clock.now()})[0].used_until


def spend(destination: str, until: datetime) -> None:
    Lane.objects.filter(destination=destination).update(used_until=until)


def paused_destinations() -> frozenset[str]:
    return frozenset(Lane.objects.filter(paused_at__isnull=False).values_list("destination", flat=True))


def sending_is_down() -> datetime | None:
    """Since when mail cannot leave by a fault of ours, None while it can."""
    troubled = Lane.objects.filter(trouble_since__isnull=False).order_by("trouble_since")
    return troubled.values_list("trouble_since", flat=True).first()


def is_way_out_missing() -> bool:
    """Whether it cannot because nobody has said how."""
    return Lane.objects.filter(destination=destinations.UNCONFIGURED, trouble_since__isnull=False).exists()


def note_size(destination: str, size: int) -> None:
    """The server of the lane announced how large a message may be (RFC 1870)."""
    noted = {"size_limit": size}
    created = noted | {"updated_at": clock.now()}
    Lane.objects.update_or_create(destination=destination, defaults=noted, create_defaults=created)


def note_error(destination: str, error: str, cause: str, at: datetime) -> None:
    """What was last said about mail that the destination did not take."""
    said = {"last_error": error[:ERROR_LENGTH], "last_cause": cause[:40], "last_error_at": at}
    Lane.objects.update_or_create(destination=destination, defaults=said, create_defaults=said | {"updated_at": at})


def size_limit(addresses: Sequence[str]) -> int:
    """Octets that a message to all of these may have: our own limit, and what the servers last announced."""
    lanes = {destinations.destination_of(address) for address in addresses or [""]}
    announced = Lane.objects.filter(destination__in=lanes, size_limit__gt=0).values_list("size_limit", flat=True)
    return min([settings.MAX_MESSAGE_SIZE, *announced])


def in_trouble() -> set[str]:
    """The destinations that are in trouble. Few ever are."""
    found = db.rows("SELECT destination FROM outbound_lane WHERE trouble_since IS NOT NULL")
    return {destination for (destination,) in found}


def begin_trouble(destination: str, error: str, cause: str, now: datetime) -> None:
    """Note a fault of ours. Belongs into a transaction."""
    Lane.objects.get_or_create(destination=destination, defaults={"updated_at": now})
    lane = Lane.objects.filter(destination=destination)
    lane.update(last_error=error[:ERROR_LENGTH], last_cause=cause[:40], last_error_at=now, updated_at=now)
    if lane.filter(trouble_since__isnull=True).update(trouble_since=now):
        live.publish(SENDING_TOPIC)


def end_trouble(destination: str, now: datetime) -> bool:
    """The destination answers again: what waited for us goes at once. True where there was trouble."""
    lost = F("waited_seconds") + lost_time.in_present_trouble(now)
    troubled = Lane.objects.filter(destination=destination, trouble_since__isnull=False)
    if not troubled.update(trouble_since=None, trouble_ended_at=now, waited_seconds=lost, updated_at=now):
        return False
    live.publish(SENDING_TOPIC)
    live.publish(live.OUTBOX)
    return True


def take_over_settings() -> None:
    """At the start of a worker: yesterday's relay is nobody's trouble any more, and its mail takes today's way."""
    now = clock.now()
    with transaction.atomic():
        for destination in sorted(in_trouble()):
            if not destinations.is_current(destination):
                end_trouble(destination, now)
    destinations.relabel_waiting()
    if destinations.mode() == destinations.Mode.NONE:
        with transaction.atomic():
            begin_trouble(destinations.UNCONFIGURED, NO_RELAY, NOT_CONFIGURED, now)


def probe_delay(since: datetime, now: datetime) -> int:
    """Seconds until the next probe of a lane in trouble."""
    age = int((now - since).total_seconds())
    return max(PROBE_FIRST, min(_PROBE_LAST, age // _PROBE_SHARE))


def forgive(lost: timedelta) -> int:
    """The clock jumped, or the machine slept: that time does not count against anybody who waits.

    Where a fault of ours lasts, it is on that account already.
    """
    waiting = Delivery.objects.filter(next_attempt_at__isnull=False, waiting_since__isnull=True)
    with transaction.atomic():
        counting = bulk.in_order(waiting.exclude(destination__in=in_trouble()))
        return counting.update(waited_seconds=F("waited_seconds") + int(lost.total_seconds()))
