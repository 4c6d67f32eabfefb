"""The way in: which reader reads this mail, and what the returned original tells besides.

Order: feedback report, delivery status, refusal by disposition, dialects; then, where sender, subject and words make
it a notice, its text. What a delivery-status part leaves out (QUIRK: newer Exim writes no Diagnostic-Code) is taken
from what the notice says in words about the same recipient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mailroom.address import parse_addresses
from mailroom.bounces import arf, dsn, mdn, text
from mailroom.bounces.dialects import EVENTS, READERS
from mailroom.bounces.notice import Notice, lay_out
from mailroom.bounces.original import delivery_tokens, read_original
from mailroom.message import Mail, parse
from mailroom.report import Action, DeliveryReport

_KINDS: Final = (
    (Action.COMPLAINT, "feedback"),
    (Action.FAILED, "bounce"),
    (Action.DELAYED, "delay"),
    (Action.DELIVERED, "delivered"),
    (Action.RELAYED, "delivered"),
    (Action.EXPANDED, "delivered"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """`kind` is "" where the mail reports nothing, else bounce, delay, delivered or feedback: the gravest one."""

    kind: str = ""
    reports: list[DeliveryReport] = field(default_factory=list)
    original_headers: Mail | None = None  # of the returned original, None where nothing came back

    @property
    def original_message_id(self) -> str:
        return self.original_headers.message_id if self.original_headers else ""

    @property
    def delivery_tokens(self) -> list[str]:
        """Unverified: whoever asks has to check their signature."""
        returned = delivery_tokens(self.original_headers) if self.original_headers else []
        return returned + [report.delivery_token for report in self.reports if report.delivery_token]


def read(mail: Mail) -> Reading:
    """What `mail` reports; a `Reading` without reports where it is no notice. Never raises, linear in the mail."""
    notice = lay_out(mail)
    reports = _structured(notice)
    if not reports and text.is_notice(notice):
        reports = _worded(notice)
        if not reports:
            notice = _inner(notice)
            reports = _structured(notice) or _worded(notice) or text.read_by_elimination(notice)
    if not reports:
        return Reading()
    original = read_original(notice.original)
    reports = [_with_original(report, original) for report in reports]
    return Reading(_kind(reports), reports, original if original.fields else None)


def read_event(provider: str, text: str) -> list[DeliveryReport] | None:
    """What a provider's JSON says, one report for each recipient of each event; None where we read no such provider.

    `text` is what it posts to a webhook; the same JSON by mail is read by `read`. Never raises, linear in the text.
    """
    reader = EVENTS.get(provider)
    return (reader(Notice(Mail(), text)) or []) if reader else None


def _inner(notice: Notice) -> Notice:
    """The notice that a notice passes on. QUIRK: some providers put their own words above a whole notice."""
    if not notice.original:
        return notice
    inner = lay_out(parse(notice.original.encode("utf-8", "replace")))
    return inner if text.is_notice(inner) else notice


def _structured(notice: Notice) -> list[DeliveryReport] | None:
    """What the readers of formats say that tell by themselves what they are."""
    complaints = arf.read(notice)
    if complaints:
        return complaints
    stated = dsn.read(notice)
    if stated:
        return _completed(stated, notice)
    refused = mdn.read(notice)
    if refused:
        return refused
    return next((reports for reader in READERS if (reports := reader(notice))), None)


def _worded(notice: Notice) -> list[DeliveryReport] | None:
    """What the text of a notice says."""
    stated = dsn.read_in_text(notice)
    return _completed(stated, notice) if stated else text.read(notice)


def _completed(stated: list[DeliveryReport], notice: Notice) -> list[DeliveryReport]:
    """Reports of a delivery-status part, with what only the words of the notice tell."""
    if all(report.reply_code and report.diagnostic for report in stated):
        return stated
    told = {report.recipient.lower(): report for report in text.read(notice) or []}
    only = next(iter(told.values())) if len(told) == len(stated) == 1 else None
    return [_filled(report, told.get(report.recipient.lower()) or only) for report in stated]


def _filled(stated: DeliveryReport, told: DeliveryReport | None) -> DeliveryReport:
    if told is None or stated.action not in (Action.FAILED, Action.DELAYED):
        return stated
    status = dsn.better_status(stated.status, told.status)
    reply_code = stated.reply_code or told.reply_code
    if status and reply_code and reply_code // 100 != status.class_:
        reply_code = None
    return stated._replace(
        status=status,
        reply_code=reply_code,
        diagnostic=stated.diagnostic or told.diagnostic,
        remote_mta=stated.remote_mta or told.remote_mta,
        expired=stated.expired or told.expired,
        origins=dict(stated.origins)
        | ({} if status == stated.status else {"status": "text"})
        | ({} if reply_code == stated.reply_code else {"reply_code": "text"})
        | ({} if stated.diagnostic else {"diagnostic": "text"}),
    )


def _kind(reports: Sequence[DeliveryReport]) -> str:
    actions = {report.action for report in reports}
    return next(kind for action, kind in _KINDS if action in actions)


def _with_original(report: DeliveryReport, original: Mail) -> DeliveryReport:
    """QUIRK: Postfix keeps the address before aliases in X-Original-To of what it returns."""
    sent_to = parse_addresses(*original.raw_headers("X-Original-To"))
    return report._replace(
        original_message_id=report.original_message_id or original.message_id,
        original_recipient=report.original_recipient or (sent_to[0].spec if sent_to else ""),
    )
