"""Proof of the way back: a mail to an address known to be bad goes out, and the report about it has to come back.

Policy:

* A probe is a delivery like any other: the same engine and relay, the same marks, the same doors for its report. It
  belongs to no ticket and no person, and no figure counts it.
* One at a time on each way; a unique row keeps several workers from sending two. The next is due after PROBE_EVERY,
  sooner where the last one brought bad news or the settings have changed, and never before LEAST has passed.
* Returned is a probe of which a report of failure or delay came that proved itself. Missing is one that was accepted,
  and of which none came within PROBE_PATIENCE; a late one still turns it into returned. What was refused at once, taken
  by somebody or not accepted in time tells nothing about reports, and changes nothing.
* The newest returned or missing probe of a way counts. Where it is missing, whatever that way accepted since the last
  proof may have failed unseen.
* Time in which nobody looked, because we were not running, is not counted: reports may wait at our door.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import translation
from django.utils.translation import gettext

from answerback.core import clock, live
from answerback.outbound import destinations, enqueue, lanes, lifecycle, senders
from answerback.outbound.models import Delivery, DeliveryEvent, Lane, Message, Probe
from answerback.people.models import Account
from answerback.tickets import addresses
from mailroom import address as address_rules
from mailroom.states import Fact, State

Result = Probe.Result
LEAST = timedelta(minutes=5)
SOONER = timedelta(hours=1)  # after bad news
KEPT = timedelta(days=90)
_DECISIVE = (Result.RETURNED, Result.MISSING)
_PASSED = (Result.MISSING, Result.UNSENT, Result.ARRIVED)  # over, and a report may still come
_BAD_NEWS = (Result.MISSING, Result.UNSENT)
_REPORTS = (Fact.REPORT_FAILED, Fact.REPORT_DELAYED)  # that a service tells of deliveries proves nothing of these
_LOOK_EVERY = timedelta(seconds=30)  # how often it is noted that somebody looked
_SLEPT = timedelta(minutes=1)  # a longer gap between two looks is time in which we were not running
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_VARYING = "*"  # in PROBE_ADDRESS: another word each time, for relays that remember addresses that failed
_USER = f"no-such-mailbox-{_VARYING}"


class NoAddressError(Exception):
    """There is no address that a probe could go to."""


class NoRouteError(Exception):
    """No relay is configured."""


# What probes go to, and what is known from them


def address_pattern() -> str:
    """Where probes go, `*` for what changes; "" where nobody has said, and nothing is sensible.

    By itself an address where reports go anyway: our own doorway refuses it, the relay has to report that, and nobody
    else is troubled. Without a relay we would be refused ourselves, at once.
    """
    if settings.PROBE_ADDRESS:
        return str(settings.PROBE_ADDRESS)
    domain = _report_domain()
    if destinations.mode() != destinations.Mode.RELAY or address_rules.is_reserved(domain):
        return ""
    return f"{_USER}@{domain}"


def reports_go_to() -> str:
    """Words for the return path: the fixed address, or the domain of the signed ones."""
    return senders.sender_of(None) if senders.is_return_path_fixed() else f"b-…@{settings.RETURN_PATH_DOMAIN}"


def reports_reach_us() -> bool | None:
    """As the newest probe of today's way that tells has shown; None where none has."""
    telling = Probe.objects.filter(way=destinations.way(), result__in=_DECISIVE).order_by("-concluded_at", "-pk")
    result = telling.values_list("result", flat=True).first()
    return None if result is None else result == Result.RETURNED


def blind() -> Mapping[str, datetime]:
    """The ways on which reports do not reach us, and since when what they accepted is not proven. One query."""
    same_way = Probe.objects.filter(way=OuterRef("way"))
    newest = same_way.filter(result__in=_DECISIVE).order_by("-concluded_at", "-pk")
    proven = same_way.filter(result=Result.RETURNED).order_by("-started_at")
    rows = Probe.objects.filter(result=Result.MISSING, pk=Subquery(newest.values("pk")[:1]))
    rows = rows.annotate(proven_at=Subquery(proven.values("started_at")[:1]))
    return {way: at or _BEGINNING for way, at in rows.values_list("way", "proven_at")}


def is_blind(delivery: Delivery, ways: Mapping[str, datetime]) -> bool:
    """Whether the delivery may have failed unseen after it was accepted. `ways`: what `blind` gave."""
    since = ways.get(destinations.way_of(delivery.destination)) if ways else None
    return since is not None and delivery.updated_at >= since


def newest() -> Sequence[Probe]:
    """The last probe of each way, today's way first."""
    last = Probe.objects.filter(way=OuterRef("way")).order_by("-started_at", "-pk")
    rows = Probe.objects.filter(pk=Subquery(last.values("pk")[:1])).select_related("delivery", "by__person")
    today = destinations.way()
    return sorted(rows.defer("delivery__header"), key=lambda row: (row.way != today, row.way))


def last() -> Probe | None:
    """The newest probe of today's way."""
    return next((row for row in newest() if row.way == destinations.way()), None)


def previous(probe: Probe) -> Probe | None:
    """The one before it on the same way that came to an end."""
    ended = Probe.objects.filter(way=probe.way, concluded_at__isnull=False, started_at__lt=probe.started_at)
    return ended.order_by("-started_at").first()


# Sending


def start_due() -> Probe | None:
    """Send a probe where one is due; whoever is not the first to notice sends none."""
    if not settings.PROBE_EVERY or not address_pattern() or not _is_due() or _is_lane_stopped():
        return None
    with transaction.atomic():
        probe = start()
        # looked at again behind the row that keeps others out: one may have come and gone in between
        if probe and not _is_due(probe):
            transaction.set_rollback(True)
            return None
    return probe


def start(by: Account | None = None) -> Probe | None:
    """Send a probe now; None where one is on its way. NoRouteError, NoAddressError."""
    way, pattern = destinations.way(), address_pattern()
    if not way:
        raise NoRouteError
    if not pattern:
        raise NoAddressError
    now = clock.now()
    try:
        with transaction.atomic():
            delivery = _enqueue(pattern.replace(_VARYING, secrets.token_hex(4)))
            return Probe.objects.create(
                way=way, delivery=delivery, tried=_tried(), by=by, started_at=now, looked_at=now
            )
    except IntegrityError:
        return None


def is_due(probe: Probe | None, tried: str, now: datetime, every: timedelta) -> bool:
    """Whether the next probe is due after `probe`, the newest of its way. `tried`: the settings of today."""
    if probe is None:
        return True
    age = now - probe.started_at
    if probe.result == Result.WAITING or age < LEAST:
        return False
    return probe.tried != tried or age >= (min(every, SOONER) if probe.result in _BAD_NEWS else every)


def _is_due(besides: Probe | None = None) -> bool:
    rows = Probe.objects.filter(way=destinations.way()).order_by("-started_at", "-pk")
    found = (rows.exclude(pk=besides.pk) if besides else rows).first()
    return is_due(found, _tried(), clock.now(), timedelta(seconds=settings.PROBE_EVERY))


def _is_lane_stopped() -> bool:
    """What waits for our own trouble to end would only grow old."""
    lane = Lane.objects.filter(destination=destinations.destination_of(address_pattern()))
    return lane.filter(Q(paused_at__isnull=False) | Q(trouble_since__isnull=False)).exists()


def _tried() -> str:
    return " ".join([settings.RETURN_PATH, _report_domain(), address_pattern()])


def _report_domain() -> str:
    return reports_go_to().rpartition("@")[2]


def _enqueue(recipient: str) -> Delivery:
    with translation.override(settings.LANGUAGE_CODE):
        subject = gettext("Answerback: do failure reports come back?")
        text = gettext(
            "This mail goes to an address that does not exist, so that the report about it shows whether such reports "
            "reach us. If you can read it, the address exists after all. Nobody needs to answer it."
        )
    [message] = enqueue.enqueue(
        [
            enqueue.Notification(
                kind=Message.Kind.PROBE,
                support_address=addresses.default_support_address(),
                subject=subject,
                text=text + "\n",
                recipients=[enqueue.Recipient(None, None, None, Delivery.Role.TO, recipient)],
                language=settings.LANGUAGE_CODE,
            )
        ]
    )
    return Delivery.objects.get(message=message)


# Looking whether it came back


def is_any_open() -> bool:
    """Whether there is anything to look at."""
    return _open().exists()


def look() -> list[Probe]:
    """Conclude what can be concluded. Gives the probes that ended now, or whose report came late."""
    now = clock.now()
    ended = [probe for probe in _open().order_by("pk") if _conclude(probe, now)]
    if ended:
        live.publish(lanes.SENDING_TOPIC)
    return ended


def judge(
    state: str,
    *,
    reported: bool,
    arrived: bool = False,
    permanent: bool = False,
    waited: timedelta,
    patience: timedelta,
) -> Probe.Result:
    """How a probe stands whose delivery is in `state`. `waited`: since it was accepted, or else since it began."""
    if reported:
        return Result.RETURNED
    if arrived or state == State.DELIVERED:
        return Result.ARRIVED
    if state == State.FAILED:
        return Result.REFUSED if permanent else Result.UNSENT
    if state == State.CANCELLED:
        return Result.UNSENT
    if waited < patience:
        return Result.WAITING
    return Result.MISSING if state == State.ACCEPTED else Result.UNSENT


def is_probe(message_id: str) -> bool:
    return bool(message_id) and Probe.objects.filter(delivery__message__message_id=message_id).exists()


def note_arrival(message_id: str) -> None:
    """A mail that came in is a probe of ours: somebody takes every address where it went."""
    Probe.objects.filter(delivery__message__message_id=message_id).update(arrived_at=clock.now())


def note_unproven(delivery: Delivery) -> bool:
    """Whether a report that names the delivery without proving anything is about a probe."""
    return Probe.objects.filter(delivery=delivery).update(unproven_at=clock.now()) > 0


def give_up_waiting() -> int:
    """After a restore: the report may have come to where the backup was made, and would never come here."""
    return Probe.objects.filter(result=Result.WAITING).update(result=Result.UNSENT, concluded_at=clock.now())


def forget_old() -> int:
    """Delete probes of long ago with their mail, but for the newest of each way."""
    kept = [probe.pk for probe in newest()]
    old = Probe.objects.filter(started_at__lt=clock.now() - KEPT).exclude(pk__in=kept)
    return Message.objects.filter(deliveries__probe__in=old).delete()[0]


def _open() -> QuerySet[Probe]:
    """What still waits, and what is over and was reported since."""
    reports = DeliveryEvent.objects.filter(delivery=OuterRef("delivery"), fact__in=_REPORTS)
    rows = Probe.objects.annotate(reported=Exists(reports)).select_related("delivery")
    return rows.filter(Q(result=Result.WAITING) | Q(result__in=_PASSED, reported=True)).defer("delivery__header")


def _conclude(probe: Probe, now: datetime) -> bool:
    """Whether it ended, and we are the one who noticed first."""
    delivery, before = probe.delivery, probe.result
    _count_watched(probe, now)
    since = delivery.updated_at if delivery.state == State.ACCEPTED else probe.started_at
    probe.result = judge(
        delivery.state,
        reported=probe.reported,  # type: ignore[attr-defined]  # annotated
        arrived=probe.arrived_at is not None,
        permanent=delivery.permanent,
        waited=now - since - timedelta(seconds=probe.unwatched_seconds),
        patience=timedelta(seconds=settings.PROBE_PATIENCE),
    )
    if probe.result == before:
        return False
    probe.concluded_at = now
    if probe.result == Result.UNSENT:
        lifecycle.decide([delivery.pk], Fact.CANCEL)
    return Probe.objects.filter(pk=probe.pk, result=before).update(result=probe.result, concluded_at=now) == 1


def _count_watched(probe: Probe, now: datetime) -> None:
    gap = now - probe.looked_at
    if gap < _LOOK_EVERY:
        return
    if gap > _SLEPT:
        probe.unwatched_seconds += int(gap.total_seconds())
    seen = Probe.objects.filter(pk=probe.pk, looked_at=probe.looked_at)
    seen.update(looked_at=now, unwatched_seconds=probe.unwatched_seconds)
