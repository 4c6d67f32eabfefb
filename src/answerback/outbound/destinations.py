"""Where a delivery is headed: the name of its lane.

With a relay there is one lane, named `host:port`. Without (`RELAY_URL=mx`) each recipient's domain is a lane of its
own, also where an address literal stands in its place. Without any setting mail waits in the lane UNCONFIGURED until
an admin says where it should go.

A *way* is what a probe of the way back can prove anything about: the relay, or with `mx` all domains together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from answerback.core import bulk
from answerback.outbound import lost_time, providers
from answerback.outbound.models import Delivery
from mailroom import address as addresses
from mailroom.smtp.route import REWRITES_RETURN_PATH, Mx, Relay, Route, relay

UNCONFIGURED = "unconfigured:"
MX_WAY = "mx:"
_BATCH = 10_000  # large, for each one sorts all that waits in the lane
_AT_ONCE = 500  # are changed in one transaction: others want to write as well


class Mode(StrEnum):
    NONE = "none"  # nobody has said how mail leaves
    MX = "mx"  # straight to the recipients' servers
    RELAY = "relay"


def route() -> Route | None:
    """How mail leaves; None where nobody has said. ValueError where the setting is none (`checks` finds that first)."""
    return _parsed(settings.RELAY_URL, settings.TLS_CA_FILE) if settings.RELAY_URL.strip() else None


def mode() -> Mode:
    match route():
        case None:
            return Mode.NONE
        case Mx():
            return Mode.MX
        case Relay():
            return Mode.RELAY


def destination_of(recipient: str) -> str:
    """The lane of mail to `recipient` under the settings of now."""
    match route():
        case None:
            return UNCONFIGURED
        case Mx():
            return addresses.normalise(recipient).rpartition("@")[2]
        case Relay(endpoints):
            return f"{endpoints[0].host}:{endpoints[0].port}"


def way() -> str:
    """The way of today's settings; "" where there is none."""
    match mode():
        case Mode.NONE:
            return ""
        case Mode.MX:
            return MX_WAY
        case Mode.RELAY:
            return destination_of("")


def way_of(destination: str) -> str:
    """The way that a lane belongs to."""
    return MX_WAY if _is_of_mx(destination) else destination


def host_that_rewrites() -> str:
    """The host of ours that is known to refuse or rewrite a foreign return path; "" where there is none."""
    match route():
        case Relay(endpoints):
            return next((one.host for one in endpoints if one.host.lower() in REWRITES_RETURN_PATH), "")
    return ""


def provider() -> str:
    """The provider of a mail service (outbound.providers) that our relay is; "" where it is none."""
    match route():
        case Relay(endpoints):
            return next(filter(None, (providers.provider_of(one.host) for one in endpoints)), "")
    return ""


@lru_cache(maxsize=4)
def _parsed(url: str, ca_file: str) -> Route:
    return relay(url, ca_file)


def relabel_waiting() -> int:
    """Put mail that waits under an older setting into the lane of today's. Answers how many changed lane."""
    return sum(relabel_by_batches())


def relabel_by_batches() -> Iterator[int]:
    """The same, a batch at a time: whoever is to stop meanwhile need not wait until a million are done."""
    for name in _stale_destinations():
        yield from _relabel_lane(name)


def _stale_destinations() -> list[str]:
    names = Delivery.objects.filter(next_attempt_at__isnull=False).values_list("destination", flat=True).distinct()
    return [name for name in names.order_by("destination") if not is_current(name)]


def is_current(name: str) -> bool:
    """Whether a lane of that name belongs to the settings of now."""
    return _is_of_mx(name) if mode() == Mode.MX else name == destination_of("")


def _is_of_mx(name: str) -> bool:
    """Whether it names a recipient's domain.

    An address literal may hold colons, `[ipv6:2001:db8::1]` (RFC 5321 §4.1.3). A relay's host, also where it is an
    address, stands in its lane's name without brackets.
    """
    return ":" not in name or name.startswith("[")


def _relabel_lane(destination: str) -> Iterator[int]:
    """In the order of the keys, so that nothing comes twice, whichever lane today's settings give it."""
    last = 0
    while batch := list(_waiting_behind(last, destination).values_list("pk", "recipient")[:_BATCH]):
        lanes: dict[str, list[int]] = {}
        for pk, recipient in batch:
            lanes.setdefault(destination_of(recipient), []).append(pk)
        yield sum(_relabel(some, name) for name, pks in lanes.items() for some in _parts(pks))
        last = batch[-1][0]


def _parts(pks: Sequence[int]) -> list[Sequence[int]]:
    return [pks[start : start + _AT_ONCE] for start in range(0, len(pks), _AT_ONCE)]


def _waiting_behind(pk: int, destination: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(destination=destination, next_attempt_at__isnull=False, pk__gt=pk).order_by("pk")


def _relabel(pks: Sequence[int], destination: str) -> int:
    """A fault of ours that they wait for is the old lane's."""
    with transaction.atomic():
        waiting = bulk.in_order(Delivery.objects.filter(pk__in=pks, next_attempt_at__isnull=False))
        return waiting.update(destination=destination, waited_seconds=lost_time.moved_to(destination), ours=False)
