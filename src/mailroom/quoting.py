"""What is new in an answer, and what it quotes.

Policy: the quoted part is folded away on the page, never dropped: `new + quoted` is the whole, character by character.
Only what stands *below* the new text is folded. Who answers between or below the quoted lines needs them to be
understood, so there only the quotes at the end go. A forwarded mail is what its sender wants to show: it is new. When
in doubt, and where nothing would be left, all of it is new.

Three ways of quoting are known: marked (">" or <blockquote>), announced by a line ("Am … schrieb …:"), and announced by
a block of header fields in the writer's language (Outlook, Exchange, GMX). Everything goes line by line or tag by tag
with bounded patterns, for a customer's mail may be anything. (The library mail-parser-reply knows more languages, but
rewrites the text and takes time that grows with the square of its size.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import islice


@dataclass(frozen=True, slots=True)
class Split:
    """`new + quoted` is what was split."""

    new: str
    quoted: str


# How history is announced, in text


def _any(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


_SAID = _any(
    r"wrote", r"schrieb(?:en)?", r"geschrieben", r"a écrit", r"escribió", r"ha scritto", r"schreef", r"escreveu",
    r"napisał(?:\(a\)|a)?", r"skrev", r"napsal(?:\(a\)|a)?", r"написал(?:\(а\)|а)?", r"пишет", r"kirjoitti", r"írta",
    r"a scris", r"yazdı", r"έγραψε", r"写道", r"寫道", r"님이 작성",
)  # fmt: skip
_OPENING = re.compile(r"\s*(?:On|Am|Le|El|Il|Op|Em|Den|Dnia|Dne|W dniu|În|Στις|В|\d{4}[年-]|\d{1,2}[./])")
_SAID_WORD = re.compile(rf"(?<!\w){_SAID}(?!\w)", re.IGNORECASE)
_SAID_NEAR_END = 220  # characters, a name and an address may follow
_WHEN_OR_WHO = re.compile(r"\d{1,2}[:.h]\d{2}|@|\d{4}")
_DATE = re.compile(r"\d{4}|\d{1,2}[./]\d{1,2}[./]|\d{1,2}\. \w{3,9} ")
_ATTRIBUTION_LINES = 3

_SEPARATOR = re.compile(
    r"\s*(?:-{2,}|_{2,}|\*{2,})\s*"
    + _any(
        r"original message", r"original[- ]?nachricht", r"ursprüngliche (?:nachricht|mail|e-mail)",
        r"message d'origine", r"message original", r"mensaje original", r"mensagem original", r"messaggio originale",
        r"oorspronkelijk bericht", r"oprindelig meddelelse", r"ursprungligt meddelande", r"wiadomość oryginalna",
        r"původní zpráva", r"исходное сообщение", r"eredeti üzenet", r"原始邮件", r"元のメッセージ",
    )
    + r"\s*(?:-{2,}|_{2,}|\*{2,})?\s*\Z",
    re.IGNORECASE,
)  # fmt: skip
_FORWARDED = re.compile(
    r"[\s*-]*"
    + _any(
        r"forwarded (?:message|by\b.*)", r"begin forwarded message", r"weitergeleitete (?:nachricht|e-?mail)",
        r"anfang der weitergeleiteten (?:nachricht|e-?mail)", r"message transféré",
        r"début du message (?:réexpédié|transféré)",
        r"mensaje reenviado", r"messaggio inoltrato", r"inizio messaggio inoltrato", r"doorgestuurd bericht",
    )
    + r"[\s:*-]*\Z",
    re.IGNORECASE,
)  # fmt: skip
_RULE = re.compile(r"\s*[_-]{5,}\s*\Z")

# A field of such a block, in the languages that Outlook and webmail write.
_FIELDS = {
    "from": "from von de da van od från fra lähettäjä kimden от expéditeur 发件人 差出人",
    "sent": "sent date gesendet datum envoyé enviado inviato data verzonden fecha skickat sendt lähetetty wysłano"
    " odesláno отправлено дата 发送时间 送信日時",
    "to": "to an à para a aan do komu till til vastaanottaja kime кому 收件人 宛先",
    "subject": "subject betreff objet asunto oggetto assunto onderwerp temat předmět ämne emne aihe konu"
    " тема 主题 件名",
    "cc": "cc kopie copie dw kopia",
}
_KIND_OF_FIELD = {word: kind for kind, words in _FIELDS.items() for word in words.split()}
_FIELD = re.compile(r"[\s>*|]*([^\W\d]{1,16})\s{0,2}\*?\s?[:：]\s?\*?(?=\s|\Z|\S)")
_BLOCK_LINES = 9
_BLOCK_KINDS = 3

_QUOTED = re.compile(r"\s?>")
_SIGNATURE = re.compile(
    r"\s*(?:-- ?\Z|(?:sent from|get outlook|von meinem|gesendet (?:von|mit)|diese nachricht wurde von|envoyé de"
    r"|enviado desde|inviato da|verzonden (?:met|vanaf)|skickat från|wysłano z|holen sie sich outlook|outlook für)\b)",
    re.IGNORECASE,
)
_LINE_MAX = 1000  # characters of a line that are looked at


def split_text(text: str) -> Split:
    """The new part of a plain text, and the quoted part that follows it."""
    lines = text.split("\n")
    looked_at = [line[:_LINE_MAX].rstrip("\r") for line in lines]
    forwarded = next((n for n, line in enumerate(looked_at) if _FORWARDED.match(line)), len(lines))
    start = _history_start(looked_at[:forwarded])
    end = forwarded if start is None else start
    if start is None and forwarded < len(lines):
        return Split(text, "")  # the forwarded mail stands last, so nothing that is only quoted does
    start = _marked_quote_start(looked_at[:end], end)
    if not any(line.strip() for line in looked_at[:start]):
        return Split(text, "")
    cut = sum(len(line) + 1 for line in lines[:start])
    return Split(text[:cut], text[cut:])


def _history_start(lines: Sequence[str]) -> int | None:
    """The line from which on, without any marks, all is history; None where there is no such line."""
    for number, line in enumerate(lines):
        if _SEPARATOR.match(line) or _is_field_block(lines, number):
            return _with_rule_above(lines, number)
        first = _attribution_start(lines, number)
        if first is not None and _is_dated(lines[first : number + 1]) and not _is_quoted_below(lines, number):
            return first
    return None


def _is_field_block(lines: Sequence[str], number: int) -> bool:
    """Whether fields of at least three kinds, the author among them, begin here."""
    if _field_kind(lines[number]) not in ("from", "sent"):
        return False
    kinds = {kind for line in lines[number : number + _BLOCK_LINES] if (kind := _field_kind(line))}
    return "from" in kinds and len(kinds) >= _BLOCK_KINDS


def _field_kind(line: str) -> str:
    match = _FIELD.match(line)
    return _KIND_OF_FIELD.get(match[1].lower(), "") if match else ""


def _with_rule_above(lines: Sequence[str], number: int) -> int:
    """Outlook draws a line of underscores above the block."""
    above = number - 1
    while above >= 0 and number - above <= 3 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and _RULE.match(lines[above]) else number


def _attribution_start(lines: Sequence[str], number: int) -> int | None:
    """The first line of an attribution ("Am … schrieb …:") that ends on this line; None where none does."""
    if not lines[number].rstrip().endswith((":", "：")):
        return None
    for first in range(number, max(-1, number - _ATTRIBUTION_LINES), -1):
        if not lines[first].strip():
            break
        if _OPENING.match(lines[first]):
            return first if _is_attribution(lines[first : number + 1]) else None
    return number if _is_attribution(lines[number : number + 1]) else None


def _is_attribution(lines: Sequence[str]) -> bool:
    joined = " ".join(lines).strip()
    return bool(_SAID_WORD.search(joined[-_SAID_NEAR_END:]) and _WHEN_OR_WHO.search(joined))


def _is_dated(lines: Sequence[str]) -> bool:
    """Without marked lines below, only a mailer's own words count: "On", a date, "wrote"."""
    return bool(_OPENING.match(lines[0]) and _DATE.search(" ".join(lines)))


def _is_quoted_below(lines: Sequence[str], number: int) -> bool:
    below = (line for line in lines[number + 1 : number + 5] if line.strip())
    return bool(_QUOTED.match(next(below, "")))


def _marked_quote_start(lines: Sequence[str], end: int) -> int:
    """Where the lines that end at `end` turn into nothing but marked quotes, their attribution included."""
    last_text = _last_text_line(lines)
    quoted = [n for n in range(last_text + 1, end) if _QUOTED.match(lines[n])]
    if not quoted:
        return end
    # The line that announces the quote is text as well.
    attribution = _attribution_start(lines, last_text) if last_text >= 0 else None
    return last_text + 1 if attribution is None else attribution


def _last_text_line(lines: Sequence[str]) -> int:
    """The last line that is neither blank nor quoted nor of a signature below the quotes; -1 where there is none."""
    last = len(lines) - 1
    while last >= 0 and not (lines[last].strip() and not _QUOTED.match(lines[last])):
        last -= 1
    signature = next((n for n in range(last, max(-1, last - 12), -1) if _SIGNATURE.match(lines[n])), None)
    if signature is None:
        return last
    above = signature - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above >= 0 and _QUOTED.match(lines[above]):
        return _last_text_line_above(lines, above)
    return last


def _last_text_line_above(lines: Sequence[str], number: int) -> int:
    while number >= 0 and (not lines[number].strip() or _QUOTED.match(lines[number])):
        number -= 1
    return number


# How history is announced, in HTML

# Elements that hold a quote: what follows them is text again.
_CONTAINER = re.compile(
    r"""\bclass\s*=\s*["']?[^"'>]{0,200}\b(?:gmail_quote|yahoo_quoted|protonmail_quote|tutanota_quote|moz-cite-prefix"""
    r"""|zmail_extra|mcnt_quote)|\btype\s*=\s*["']?cite\b|\bname\s*=\s*["']?quote\b"""
    r"""|\bid\s*=\s*["']?(?:mail-editor-reference-message-container|reply-intro|OLK_SRC_BODY_SECTION)\b""",
    re.IGNORECASE,
)
# Elements after which all is history.
_BORDER = re.compile(
    r"""\bid\s*=\s*["']?(?:x_)?(?:divRplyFwdMsg|appendonsend|stopSpelling|zwchr)\b"""
    r"""|\bclass\s*=\s*["']?OutlookMessageHeader""",
    re.IGNORECASE,
)
# Outlook's line above the block of fields; signatures have such lines too, so the fields must follow.
_TOP_BORDER = re.compile(r"border(?:-style)?\s*:\s*none[^\"'>]{0,200};\s*border-top\s*:\s*solid", re.IGNORECASE)
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]{0,20})(?P<attributes>[^<>]{0,3000})>")
_BLOCKS = ("div", "p", "blockquote", "hr", "table", "span", "section")
_UNSEEN = re.compile(r"<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_LINE_TAG = re.compile(r"<(?:br|/?(?:p|div|tr|li|table|blockquote|hr|h[1-6]))\b[^<>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_PEEK = 3000  # characters of HTML behind a tag that are looked at
_QUOTES_MAX = 200
_PEEKS_MAX = 500


@dataclass(frozen=True, slots=True)
class _Quote:
    """A stretch of HTML that quotes. Where `open_ended`, everything behind it does too."""

    start: int
    end: int
    open_ended: bool = False


def split_html(html: str) -> Split:
    """The new part of raw HTML, and the quoted part that follows it. Both are fragments, to be sanitised each."""
    quotes = list(islice(_quotes(html), _QUOTES_MAX))
    start = len(html)
    for quote in reversed(quotes):
        if not quote.open_ended and _has_words(html[quote.end : start]):
            break
        start = quote.start
    start = _with_attribution(html, start)
    if start == len(html) or not _has_words(html[:start]):
        return Split(html, "")
    return Split(html[:start], html[start:])


def _quotes(html: str) -> Iterator[_Quote]:
    """The outermost quotes in order, up to a forwarded mail."""
    end = peeks = 0
    for tag in _TAG.finditer(html):
        if tag.start() < end or tag["end"] or tag["name"].lower() not in _BLOCKS:
            continue
        if _CONTAINER.search(tag["attributes"]):
            if _is_forwarded(html, tag.end()):
                return
            end = _element_end(html, tag)
            yield _Quote(tag.start(), end)
        elif _may_begin_history(html, tag):
            peeks += 1
            if peeks > _PEEKS_MAX:
                return
            if not _begins_history(html, tag):
                continue
            yield _Quote(tag.start(), len(html), open_ended=True)
            return


def _may_begin_history(html: str, tag: re.Match[str]) -> bool:
    """A quick look at the tag and the word behind it."""
    if _BORDER.search(tag["attributes"]):
        return True
    if tag["name"].lower() not in ("p", "div"):
        return False
    return bool(_TOP_BORDER.search(tag["attributes"]) or _FIRST_WORD.match(html[tag.end() : tag.end() + 300]))


def _begins_history(html: str, tag: re.Match[str]) -> bool:
    if _BORDER.search(tag["attributes"]):
        return not _is_forwarded(html, tag.end())
    lines = [line for line in _lines(html[tag.end() : tag.end() + _PEEK]) if line.strip()]
    return bool(lines) and (bool(_SEPARATOR.match(lines[0])) or _is_field_block(lines, 0))


_FIRST_WORD = re.compile(
    r"(?>(?:\s++|&nbsp;|<(?:b|strong|span|font|o:p|i)\b[^<>]*>){0,12})(?:-{2,}|[^\W\d]{1,16}\s?:)", re.IGNORECASE
)


def _is_forwarded(html: str, position: int) -> bool:
    lines = [line for line in _lines(html[position : position + _PEEK]) if line.strip()]
    return any(_FORWARDED.match(line) for line in lines[:2])


def _element_end(html: str, opening: re.Match[str]) -> int:
    """Behind the closing tag of an element, the end of the HTML where it is missing."""
    name, depth = opening["name"].lower(), 0
    for tag in _TAG.finditer(html, opening.start()):
        if tag["name"].lower() == name:
            depth += -1 if tag["end"] else 1
            if not depth:
                return tag.end()
    return len(html)


_ATTRIBUTION_MAX = 1500  # characters of HTML


def _with_attribution(html: str, start: int) -> int:
    """Where the line that announces a quote begins. QUIRK: Apple Mail writes it in front of the quote."""
    above = max(0, start - _ATTRIBUTION_MAX)
    for tag in reversed(list(_LINE_TAG.finditer(html, above, start))):
        words = [line for line in _lines(html[tag.start() : start]) if line.strip()]
        if words:
            announces = words[-1].rstrip().endswith(":") and len(words) <= _ATTRIBUTION_LINES and _is_attribution(words)
            return tag.start() if announces else start
    return start


def _lines(html: str) -> list[str]:
    return [line[:_LINE_MAX] for line in _visible(_LINE_TAG.sub("\n", html)).split("\n")]


def _visible(html: str) -> str:
    return unescape(_ANY_TAG.sub("", _UNSEEN.sub("", html))).replace("\xa0", " ")


def _has_words(html: str) -> bool:
    """Whether people see text or a picture here."""
    return bool(_visible(html).strip()) or "<img" in html.lower()
