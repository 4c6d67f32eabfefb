"""Readers for formats that the generic readers cannot read. They do not know each other."""

from collections.abc import Callable, Mapping
from typing import Final

from mailroom.bounces.dialects import fml, mailgun_json, postmark_json, sendgrid_json, ses_json
from mailroom.bounces.notice import Notice
from mailroom.report import DeliveryReport

Reader = Callable[[Notice], list[DeliveryReport] | None]

# Events of providers of mail services in JSON, which come by mail or are posted to us.
EVENTS: Final[Mapping[str, Reader]] = {
    "ses": ses_json.read,
    "sendgrid": sendgrid_json.read,
    "mailgun": mailgun_json.read,
    "postmark": postmark_json.read,
}
READERS: Final[tuple[Reader, ...]] = (*EVENTS.values(), fml.read)
