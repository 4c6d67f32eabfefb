"""What a provider has told us, read: the body of a call becomes `DeliveryReport`s."""

from __future__ import annotations

from answerback.inbound import anymail_events
from mailroom.bounces.read import read_event
from mailroom.report import DeliveryReport, Source


def read(provider: str, body: bytes) -> list[DeliveryReport]:
    """One report for each recipient of each event that tells an outcome."""
    text = body.decode("utf-8", "replace")
    told = read_event(provider, text)
    reports = anymail_events.read(provider, text) if told is None else told
    return [report._replace(source=Source.WEBHOOK) for report in reports]
