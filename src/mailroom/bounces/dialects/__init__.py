"""Readers for formats that the generic readers cannot read. They do not know each other."""

from collections.abc import Callable
from typing import Final

from mailroom.bounces.dialects import fml, mailgun_json, postmark_json, sendgrid_json, ses_json
from mailroom.bounces.notice import Notice
from mailroom.report import DeliveryReport

READERS: Final[tuple[Callable[[Notice], list[DeliveryReport] | None], ...]] = (
    ses_json.read,
    sendgrid_json.read,
    mailgun_json.read,
    postmark_json.read,
    fml.read,
)
