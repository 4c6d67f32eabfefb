"""Placeholders such as `{{ticket.title}}`: substituted once, from a fixed list, never rendered again.

What a customer wrote may itself contain `{{…}}`; it stays the text it is (CVE-2026-34724 in a peer shows why).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext_noop

KNOWN = {
    "ticket.id": gettext_noop("number of the ticket"),
    "ticket.title": gettext_noop("subject"),
    "ticket.status": gettext_noop("status"),
    "ticket.priority": gettext_noop("priority"),
    "ticket.tags": gettext_noop("tags, separated by spaces"),
    "ticket.url": gettext_noop("address of the ticket here, for agents"),
    "ticket.requester.name": gettext_noop("name of the requester"),
    "ticket.assignee.name": gettext_noop("name of the assignee"),
    "ticket.group.name": gettext_noop("name of the group"),
    "ticket.latest_comment": gettext_noop("this update's comment, public or internal, as text"),
    "ticket.latest_comment_html": gettext_noop("the same with its formatting"),
    "ticket.latest_public_comment": gettext_noop("this update's public comment, as text"),
    "ticket.latest_public_comment_html": gettext_noop("the same with its formatting"),
    "ticket.delivery_failures": gettext_noop("what was not delivered: a line for each recipient (mail to agents)"),
    "ticket.undelivered_to": gettext_noop("names of those it was not delivered to (mail to agents)"),
    "current_user.name": gettext_noop("name of who made the update"),
    "agent.signature": gettext_noop("signature of the agent who made the update"),
    "support.name": gettext_noop("name of the support address"),
}
_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_.]{1,60})\s*\}\}")


def known(template: str) -> set[str]:
    return set(_PLACEHOLDER.findall(template))


def substitute_text(template: str, values: Mapping[str, str]) -> str:
    """Plain text; a placeholder nobody knows becomes nothing."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), template)


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Only these placeholders: whatever else stands in braces is what somebody wrote."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def substitute_html(template: str, values: Mapping[str, str], html: Mapping[str, str]) -> str:
    """The template's own text escaped and in paragraphs; `html` values go in as they are, `values` escaped."""
    return "".join(_paragraph(block, lambda name: _html_value(name, values, html)) for block in template.split("\n\n"))


def substitute_leaves(payload: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """In every string of a parsed JSON object: what is put in can change no structure."""
    return {key: _leaf(value, values) for key, value in payload.items()}


def _leaf(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return substitute_text(value, values)
    if isinstance(value, list):
        return [_leaf(item, values) for item in value]
    return substitute_leaves(value, values) if isinstance(value, dict) else value


def _paragraph(block: str, value: Callable[[str], str]) -> str:
    """One block. Where it is nothing but one placeholder, its HTML stands alone (a `<p>` cannot hold paragraphs)."""
    if alone := _PLACEHOLDER.fullmatch(block.strip()):
        content = value(alone[1])
        return f"<div>{content}</div>" if content else ""
    out, end = [], 0
    for found in _PLACEHOLDER.finditer(block):
        out += [_lines(block[end : found.start()]), value(found[1])]
        end = found.end()
    out.append(_lines(block[end:]))
    content = "".join(out)
    return f"<p>{content}</p>" if content.strip() else ""


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _html_value(name: str, values: Mapping[str, str], html: Mapping[str, str]) -> str:
    return html[name] if name in html else _lines(values.get(name, ""))
