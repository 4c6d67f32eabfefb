"""Placeholders such as `{{ticket.title}}`: substituted once, from a fixed list, never rendered again.

What a customer wrote may itself contain `{{…}}`; it stays the text it is (CVE-2026-34724 in a peer shows why).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from django.utils.html import escape

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_.]{1,60})\s*\}\}")


def known(template: str) -> set[str]:
    return set(_PLACEHOLDER.findall(template))


def substitute_text(template: str, values: Mapping[str, str]) -> str:
    """Plain text; a placeholder nobody knows becomes nothing."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), template)


def substitute_html(template: str, values: Mapping[str, str], html: Mapping[str, str]) -> str:
    """The template's own text escaped and in paragraphs; `html` values go in as they are, `values` escaped."""
    return "".join(_paragraph(block, lambda name: _html_value(name, values, html)) for block in template.split("\n\n"))


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
