"""The text alternative of HTML that an agent wrote: what a person would have typed without a formatting bar.

Quotes begin with "> ", list items with "- " or their number, links name where they lead, code stays as it is. For the
few elements of the composer, sanitised; mail from outside is read by `mailroom.html.to_text`.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = {"p", "div", "blockquote", "pre", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "tr"}
_APART = {"p", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "table"}
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_DEPTH_MAX = 50  # of quotes and lists: deeper ones look like this


def of(html: str) -> str:
    """Lines end in "\\n", without an empty one at either end."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._prefixes: list[str] = []  # of the lines of quotes and list items that are open
        self._marker = ""  # of the list item that begins
        self._lists: list[int | None] = []  # the next number; None: not numbered
        self._links: list[tuple[str, int]] = []
        self._verbatim = 0

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _BLOCKS:
            self._end_line()
        if tag in _APART and not (tag in ("ul", "ol") and self._lists):
            self._gap()
        if tag == "br":
            self._end_line(even_empty=True)
        elif tag == "hr":
            self._lines.append(self._prefix() + "---")
        elif tag == "blockquote" and len(self._prefixes) < _DEPTH_MAX:
            self._prefixes.append("> ")
        elif tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li" and len(self._prefixes) < _DEPTH_MAX:
            self._begin_item()
        elif tag == "pre":
            self._verbatim += 1
        elif tag == "a":
            self._links.append((values.get("href") or "", len(self._line)))
        elif tag == "img" and values.get("alt"):
            self._line += f"[{values['alt']}]"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._name_target(*self._links.pop())
        if tag in _BLOCKS:
            self._end_line()
        if tag in ("blockquote", "li") and self._prefixes:
            self._prefixes.pop()
            self._marker = ""
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        if tag in _APART and not (tag in ("ul", "ol") and self._lists):
            self._gap()

    def handle_data(self, data: str) -> None:
        if self._verbatim:
            first, *others = data.split("\n")
            self._line += first
            for line in others:
                self._end_line(even_empty=True)
                self._line = line
            return
        words = _BLANKS.sub(" ", data)
        self._line += words.lstrip(" ") if not self._line or self._line.endswith(" ") else words

    def _begin_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        self._marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._prefixes.append(" " * len(self._marker))

    def _name_target(self, target: str, start: int) -> None:
        """The address stands behind the words, unless they are the address."""
        shown = self._line[start:].strip()
        plain = target.removeprefix("mailto:").removeprefix("tel:")
        if target and shown not in (target, plain, plain.rstrip("/")):
            self._line += f" ({plain})" if shown else plain

    def _prefix(self) -> str:
        if not self._marker:
            return "".join(self._prefixes)
        marker, self._marker = self._marker, ""
        return "".join(self._prefixes[:-1]) + marker

    def _end_line(self, even_empty: bool = False) -> None:
        line = self._line.replace("\xa0", " ").rstrip()
        self._line = ""
        if line or even_empty:
            self._lines.append((self._prefix() + line).rstrip())

    def _gap(self) -> None:
        """An empty line between blocks, never two; within a quote it carries the quote's mark."""
        empty = "".join(self._prefixes).rstrip()
        if self._lines and self._lines[-1].strip("> ") and not self._marker:
            self._lines.append(empty)
