"""What the site's own filter wrote into a mail that it takes for spam: SpamAssassin, rspamd, Amavis, Amazon SES, …

Policy: we judge no mail ourselves. A mark is a header field that the filter adds, as "Name: beginning of its value";
who forges one into a mail of their own only has that mail looked at later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailroom.message import Mail

# SpamAssassin and Amavis; rspamd's milter headers; Amazon SES receiving rules; Exim and many hosters
USUAL_MARKS = (
    "X-Spam-Flag: yes",
    "X-Spam-Status: yes",
    "X-Spam: yes",
    "X-Rspamd-Action: add header",
    "X-Rspamd-Action: rewrite subject",
    "X-SES-Spam-Verdict: fail",
    "X-SES-Virus-Verdict: fail",
)
_SHOWN = 120  # characters of a field that are told


def find_mark(mail: Mail, marks: Iterable[str]) -> str:
    """The field of the mail that bears one of `marks`, cut to a line; "" where there is none.

    A mark without a colon, or with nothing behind it, matches the field whatever it says. Case does not matter.
    """
    wanted = [_split(mark) for mark in marks]
    for name, value in mail.fields:
        if _bears(name.strip().lower(), " ".join(value.split()).lower(), wanted):
            return f"{name.strip()}: {' '.join(value.split())}"[:_SHOWN]
    return ""


def _split(mark: str) -> tuple[str, str]:
    name, _, beginning = mark.partition(":")
    return name.strip().lower(), " ".join(beginning.split()).lower()


def _bears(name: str, value: str, wanted: Sequence[tuple[str, str]]) -> bool:
    return any(name == marked and value.startswith(beginning) for marked, beginning in wanted)
