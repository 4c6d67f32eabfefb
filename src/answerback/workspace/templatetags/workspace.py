"""How times, names and sizes are written in the workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.template import Context
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from answerback.core import clock, dates
from answerback.outbound import lanes, standing
from answerback.outbound.lifecycle import RESTORED
from answerback.people.models import Identity
from answerback.workspace import job_words, lane_words, reachability, sorting, words
from mailroom import html as mail_html

register = template.Library()


@register.filter
def moment(at: datetime | None) -> str:
    """As short as it stays clear: 14:02 today, "3 Nov, 14:02" this year, else with the year."""
    if at is None:
        return ""
    local, now = timezone.localtime(at), timezone.localtime(clock.now())
    if local.date() == now.date():
        return formats.date_format(local, "H:i")
    return f"{dates.day(local)}, {formats.date_format(local, 'H:i')}" if local.year == now.year else dates.day(local)


register.filter("day", dates.day)
register.filter("full_day", dates.full_day)


@register.filter
def iso_day(text: str) -> str:
    """The day of a moment that an event keeps as text."""
    at = parse_datetime(text)
    return dates.full_day(at) if at else ""


@register.inclusion_tag("sorting/_moves.html", takes_context=True)
def moves(context: Context, title: str, anchor: str, first: bool, last: bool) -> dict[str, Any]:
    """The buttons that move an item of a list, for its form. `anchor`: the item's id in the page."""
    focus = sorting.button_to_focus(context["request"], anchor, first, last)
    return {"title": title, "first": first, "last": last, "focus": focus}


@register.simple_tag
def when(at: datetime | None) -> SafeString | str:
    """A time element: short text, the full moment on hover and for machines."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    full = formats.date_format(local, "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), full, moment(at))


@register.filter
def from_iso(text: str) -> SafeString | str:
    """A time that was kept as text."""
    return when(datetime.fromisoformat(text))


@register.filter
def initials(name: str) -> str:
    """Up to two letters that stand for a name."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@register.filter
def rich_text(text: str) -> SafeString:
    """Plain text as paragraphs with links. `mailroom.html.from_text` escapes it."""
    return mark_safe(mail_html.from_text(text))  # noqa: S308


@register.filter
def status_name(status: str) -> str:
    return words.status_name(status)


@register.filter
def priority_name(priority: str) -> str:
    return words.value_name("priority", priority)


@register.filter
def type_name(kind: str) -> str:
    return words.value_name("type", kind)


@register.filter
def remote_images(html: str) -> int:
    """How many images of a mail lie on the Internet."""
    return mail_html.split_remote_images(html)[1]


@register.filter
def plain_text(html: str) -> str:
    return mail_html.to_text(html)


@register.filter
def host_name(remote_mta: str) -> str:
    """The name people know a server by: "mx.example.org" of "dns; mx.example.org[192.0.2.1]:25"."""
    name = remote_mta.rpartition(";")[2].strip()
    return re.split(r"[\s\[]", name, maxsplit=1)[0] or name


@register.filter
def rule_name(hold_reason: str) -> str:
    if hold_reason == RESTORED:
        return gettext("Waiting when the restored backup was made, may have been sent since")
    return gettext(hold_reason.removeprefix("rule:"))


@register.filter
def reach(identity: Identity) -> reachability.Reachability:
    return reachability.of(identity)


@register.filter
def phone_link(phone: str) -> str:
    return "".join(character for character in phone if character in "+0123456789")


@register.filter
def via_name(via: str) -> str:
    return words.via_name(via)


@register.filter
def cause_name(cause: str) -> str:
    return standing.cause_name(cause)


@register.filter
def trigger_name(title: str) -> str:
    """Shipped triggers speak the reader's language, an admin's own as they were named."""
    return gettext(title) if title else ""


@register.filter
def job_name(data: Mapping[str, Any]) -> str:
    """Of the job that a notice tells of."""
    return job_words.kind_name(data["title"], bool(data.get("undo")))


@register.filter
def one_line(text: str) -> str:
    return " · ".join(line.strip() for line in text.splitlines() if line.strip())


register.filter("lane_address", lane_words.address)
register.filter("rate_words", lane_words.rate)
register.filter("unit_words", lane_words.unit)
register.filter("alarm_title", lane_words.alarm_title)
register.filter("alarm_name", lane_words.alarm_name)
register.filter("alarm_measure", lane_words.alarm_measure)


@register.filter
def lane_cause(cause: str) -> str:
    """Why a lane is in trouble; a missing configuration has no entry in the catalogue."""
    if cause == lanes.NOT_CONFIGURED:
        return gettext("no mail server is configured")
    return standing.cause_name(cause)
