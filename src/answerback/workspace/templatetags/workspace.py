"""How times, names and sizes are written in the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from answerback.core import clock
from answerback.workspace import words
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
    shape = "j M, H:i" if local.year == now.year else "j M Y"
    if (formats.get_format("DATE_FORMAT") or "").startswith("j. "):
        shape = shape.replace("j M", "j. M")
    return formats.date_format(local, shape)


@register.simple_tag
def when(at: datetime | None) -> SafeString | str:
    """A time element: short text, the full moment on hover and for machines."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    full = formats.date_format(local, "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), full, moment(at))


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
def in_language(texts: Mapping[str, str], language: str) -> str:
    """One text of a mapping by language; English where there is none."""
    return texts.get(language) or texts.get("en", "")


@register.filter
def status_name(status: str) -> str:
    return words.status_name(status)


@register.filter
def priority_name(priority: str) -> str:
    return words.value_name("priority", priority)
