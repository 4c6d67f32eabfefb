"""Reply code, enhanced status and remote host, as they stand in a diagnostic or in the words of a notice.

Nothing is made up: a number counts as a reply code only where something marks it as one, for notices are full of
numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mailroom.status import EnhancedStatus

_MAX: Final = 8 * 1024  # characters of a text looked at

# 421, 550: RFC 5321 §4.2 knows second digits 0 to 5. Not part of a longer number, an address, a word or a path.
_CODE: Final = r"(?P<code>[45][0-5]\d)(?![\d.@/:]\d|\d|[a-z@/=]|\.\w)"
# What marks a number as a reply code: what stands before it (a line's start, a quotation mark, "said", "error") …
_MARKED: Final = re.compile(
    r"(?:^[-*. ]{0,6}|<<<|>>>|\.{3}|\],|[:;'\"(\[#>|]"
    r"|\b(?:says?|said|replied|returned|reply|response|responded|error|code|reason|with|"
    r"status|because|responsecode|error_code|errorcode|answer|server|message|antwort|fehler|erreur)\b[ :=]{0,3})"
    r"[ '\"(\[#<]{0,4}(?:smtp[ :;]{0,3})?" + _CODE,
    re.I | re.M,
)
# … or what stands behind it: an enhanced status, or the quotation that IronPort and SES make of a reply (550-'...').
_FOLLOWED: Final = re.compile(
    r"(?<![\w.@/=-])(?P<code>[45][0-5]\d)(?:[ -][ #(]{0,3}(?=[45]\.\d{1,3}\.\d{1,3}(?![\d.]))|-')"
)
_FOLD: Final = re.compile(r"[ \t\r]*\n[ \t]+")
_BLANKS: Final = re.compile(r"[ \t\xa0]+")
_NAME: Final = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+"
_IP: Final = r"[0-9a-fA-F.:]{3,45}"
_REMOTE: Final = (
    re.compile(rf"\bhost:?\s+({_NAME}|\[{_IP}\])\.?\s*(?:[\[(]{_IP}[\])])?[\s:]", re.I),  # Postfix, Exim
    re.compile(rf"while talking to\s+({_NAME}|\[{_IP}\])\.?:", re.I),  # Sendmail
    re.compile(rf"\bby\s+({_NAME})\.\s+\[{_IP}\]"),  # Gmail
    re.compile(rf"^\s*({_IP}|{_NAME})(?: \[{_IP}\])? (?:does not like|did not like|failed after)", re.M),  # qmail, dma
    re.compile(rf"remote (?:server|host|smtp server)\s+[(\[]?({_NAME})[)\]]?", re.I),
)


@dataclass(frozen=True, slots=True)
class Codes:
    """What a text gives; None and "" where it gives nothing."""

    reply_code: int | None = None
    status: EnhancedStatus | None = None


def read_codes(text: str) -> Codes:
    """The first marked reply code of `text`, and the enhanced status that goes with it.

    Folded lines are joined; a line that starts at the margin may begin with a code of its own.
    """
    lines = _BLANKS.sub(" ", _FOLD.sub(" ", text[:_MAX]))
    match = _first(_MARKED.search(lines), _FOLLOWED.search(lines))
    if match is None:
        return Codes(None, EnhancedStatus.find(lines))
    # A status behind the reply code is the reply's; else one said before it.
    return Codes(int(match["code"]), EnhancedStatus.find(lines[match.end("code") :]) or EnhancedStatus.find(lines))


def read_remote_mta(text: str) -> str:
    """The server that gave the answer quoted in `text`, "" where it is not named."""
    head = text[:_MAX]
    for pattern in _REMOTE:
        match = pattern.search(head)
        if match:
            return match[1].strip("[]").rstrip(".")
    return ""


def _first(*matches: re.Match[str] | None) -> re.Match[str] | None:
    found = [match for match in matches if match]
    return min(found, key=lambda match: match.start("code")) if found else None
