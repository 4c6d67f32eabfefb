"""The first steps of an installation: what has to be there before the first customer is answered.

Policy: a step is done when the thing itself is there, whoever made it and wherever; only looking at DNS is done by a
person's word. A step may be skipped, and is done nevertheless once its thing is there. Nothing has to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from django.db import transaction

from answerback.core.models import Setting
from answerback.outbound import destinations, providers, trial, way_back
from answerback.outbound.models import Delivery
from answerback.store import mailboxes
from answerback.store.models import RawMail
from answerback.tickets.models import SupportAddress
from mailroom.states import State

_NAME = "first_steps"
_ARRIVED = (State.ACCEPTED, State.DELAYED, State.DELIVERED)


class Step(StrEnum):
    """In their order."""

    ADDRESS = "address"
    INCOMING = "incoming"
    OUTGOING = "outgoing"
    DNS = "dns"
    TEST = "test"
    WAY_BACK = "way-back"


class Standing(StrEnum):
    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"


def standings() -> Mapping[Step, Standing]:
    noted = _noted()
    return {step: _standing(step, noted) for step in Step}


def next_open(standings: Mapping[Step, Standing], after: Step | None = None) -> Step | None:
    """The first step after that one, or of all, that nobody has done or skipped."""
    steps = list(Step)
    later = steps[steps.index(after) + 1 :] if after else steps
    return next((step for step in later if standings[step] is Standing.OPEN), None)


def skip(step: Step) -> None:
    with _noting() as noted:
        noted["skipped"] = sorted({*noted.get("skipped", []), step.value})


def note_dns_seen() -> None:
    with _noting() as noted:
        noted["dns_seen"] = True


def send_test(address: str) -> Delivery:
    """Queue a test mail: it goes the way of every mail."""
    with _noting() as noted:
        delivery = trial.enqueue_to(address)
        noted["test"] = delivery.pk
    return delivery


def test_mail() -> Delivery | None:
    """The newest one."""
    return Delivery.objects.filter(pk=_noted().get("test", 0)).defer("header").first()


def last_received() -> RawMail | None:
    """The newest mail that came in; what services tell of mail is none."""
    events = [providers.doorway(key) for key in providers.PROVIDERS]
    return RawMail.objects.exclude(doorway__in=events).defer("content").order_by("-id").first()


def _standing(step: Step, noted: Mapping[str, Any]) -> Standing:
    if _is_done(step, noted):
        return Standing.DONE
    return Standing.SKIPPED if step.value in noted.get("skipped", []) else Standing.OPEN


def _is_done(step: Step, noted: Mapping[str, Any]) -> bool:
    match step:
        case Step.ADDRESS:
            return SupportAddress.objects.filter(active=True).exists()
        case Step.INCOMING:
            followed = any(row.looked_at and not row.trouble for row in mailboxes.states())
            return followed or last_received() is not None
        case Step.OUTGOING:
            return destinations.route() is not None
        case Step.DNS:
            return bool(noted.get("dns_seen"))
        case Step.TEST:
            return Delivery.objects.filter(pk=noted.get("test", 0), state__in=_ARRIVED).exists()
        case Step.WAY_BACK:
            return way_back.reports_reach_us() is True


def _noted() -> dict[str, Any]:
    found = Setting.objects.filter(name=_NAME).values_list("value", flat=True).first()
    return dict(found or {})


@contextmanager
def _noting() -> Iterator[dict[str, Any]]:
    """What was noted, to be changed: kept when the block ends."""
    with transaction.atomic():
        Setting.objects.get_or_create(name=_NAME, defaults={"value": {}})
        row = Setting.objects.select_for_update().get(name=_NAME)
        yield row.value
        row.save(update_fields=["value"])
