"""Octets to text, whatever the label says.

Policy: only the charsets of the table below are ever looked up (a label is the sender's word, and Python would run
`zlib`, `idna` or `unicode_escape` for it). The order is the declared charset, then UTF-8, then Windows-1252, then a
guess. The guess comes last because it takes short German text for cp1250. A text that its declared charset reads for
the most part keeps that charset, with U+FFFD for the octets it cannot read: one torn character must not turn the whole
mail into mojibake. Nothing here raises on content, and all of it is linear.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence

from charset_normalizer import from_bytes

# Label, lower case and with "-" for "_", -> Python codec. Windows supersets stand for the sets they are mistaken for:
# what calls itself ISO-8859-1 has the quotes and dashes of Windows-1252, and 0x85 is three dots there, not a line end.
_CODECS = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi-x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "cp1252": "cp1252",
    "cp-1252": "cp1252",
    "ansi": "cp1252",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "unicode-1-1-utf-8": "utf-8",
    "utf-7": "utf-7",
    "unicode-1-1-utf-7": "utf-7",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-32": "utf-32",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
    "cp437": "cp437",
    "ibm437": "cp437",
    "cp850": "cp850",
    "ibm850": "cp850",
    "cp852": "cp852",
    "cp858": "cp858",
    "cp866": "cp866",
    "ibm866": "cp866",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "gb18030": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "cp950",
    "cp950": "cp950",
    "big5-hkscs": "big5hkscs",
    "shift-jis": "cp932",
    "shift-jis-2004": "shift_jis_2004",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "ms-kanji": "cp932",
    "cp932": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-2022-jp-1": "iso2022_jp_1",
    "iso-2022-jp-2": "iso2022_jp_2",
    "iso-2022-jp-3": "iso2022_jp_3",
    "iso-2022-jp-2004": "iso2022_jp_2004",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "euc-kr": "cp949",
    "ks-c-5601-1987": "cp949",
    "ks-c-5601": "cp949",
    "ksc5601": "cp949",
    "cp949": "cp949",
    "iso-2022-kr": "iso2022_kr",
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"cp{page}": f"cp{page}" for page in (1250, 1251, *range(1253, 1259))},
}
_GUESSED_FROM = 4096  # octets: the guess costs a millisecond for each of them on bad input
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def codec(label: str) -> str | None:
    """The Python codec for a charset label, or None where we do not know it."""
    name = label.strip(" \t\"'").lower().replace("_", "-")
    return _CODECS.get(name) or _CODECS.get(name.replace("iso8859", "iso-8859").replace("iso-ir-", ""))


def decode(data: bytes, label: str = "") -> tuple[str, str]:
    """The text, and a defect: "" where the label was right or missing, else "unknown_charset" or "wrong_charset"."""
    declared = codec(label)
    defect = "unknown_charset" if label and not declared else ""
    if not label and b"\x1b$" in data:
        declared = codec("iso-2022-jp")  # QUIRK: seven-bit Japanese without a label, as old gateways send it
    if declared:
        text = _strictly(data, declared)
        if text is not None:
            return text, defect
        defect = "wrong_charset"
        text = data.decode(declared, "replace")
        if _mostly_read(text):
            return text, defect
    return _decode_unlabelled(data), defect


def _decode_unlabelled(data: bytes) -> str:
    for name in ("utf-8", "cp1252"):
        text = _strictly(data, name)
        if text is not None:
            return text
    guess = from_bytes(data[:_GUESSED_FROM]).best()
    return data.decode((guess and codec(guess.encoding)) or "cp1252", "replace")


def _strictly(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name).removeprefix("\ufeff")
    except UnicodeError:
        return None


def _mostly_read(text: str) -> bool:
    """Whether the charset read more characters beyond ASCII than it lost."""
    lost = text.count(_REPLACEMENT)
    return sum(not character.isascii() for character in text) > 2 * lost


# RFC 2047 encoded words, read as people write them: blanks and "?" inside, a language tag (RFC 2231 §5), no end.
_ENCODED_WORD = re.compile(
    r"=\?(?P<charset>[\w.:+-]{1,40})(?:\*[\w-]{0,20})?\?(?P<encoding>[bBqQ])\?"
    r"(?P<text>(?>(?:[^?=]|\?(?!=)|=(?!\?[A-Za-z]))*))(?:\?=|$)"
)


def decode_words(text: str) -> str:
    """Header text with its encoded words read. Line ends and controls in them do not survive; see `clean_line`."""
    if "=?" not in text:
        return clean_line(text)
    pieces: list[str] = []
    run: list[tuple[str, bytes]] = []
    end = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[end : match.start()]
        if between.strip(" \t\r\n") or not run:  # blanks between two encoded words are not text (RFC 2047 §6.2)
            pieces += [_decode_run(run), between]
            run = []
        run.append((match["charset"], _word_octets(match["encoding"], match["text"])))
        end = match.end()
    pieces += [_decode_run(run), text[end:]]
    return clean_line("".join(pieces))


def _decode_run(run: Sequence[tuple[str, bytes]]) -> str:
    """Neighbouring words of one charset are read as one: QUIRK: many mailers split inside a character."""
    joined: list[tuple[str, bytearray]] = []
    for label, data in run:
        if joined and joined[-1][0].lower() == label.lower():
            joined[-1][1].extend(data)
        else:
            joined.append((label, bytearray(data)))
    return "".join(decode(bytes(data), label)[0] for label, data in joined)


def _word_octets(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return decode_base64(data) if encoding in "bB" else binascii.a2b_qp(data.replace(b" ", b"_"), header=True)


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")


def decode_base64(data: bytes) -> bytes:
    """The octets of base64 text: foreign characters skipped, several pieces read on, a torn end dropped."""
    if data.find(b"=") < 0 or data.rstrip(b"\r\n= ").find(b"=") < 0:
        try:
            return binascii.a2b_base64(data)
        except binascii.Error:
            pass
    decoded = bytearray()
    for piece in _NOT_BASE64.sub(b"", data).split(b"="):
        whole = piece if len(piece) % 4 != 1 else piece[:-1]
        decoded += binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    return bytes(decoded)


_BLANKS = re.compile(r"[ \t\r\n\v\f\x85\u2028\u2029]+")
# Bidirectional embeddings, overrides and isolates can show a text in another order than it has; a mark cannot.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # Unicode's category Cc without the blanks above
_HALF_SURROGATE = re.compile(r"[\ud800-\udfff]")  # Cs


def clean_line(text: str) -> str:
    """One line of text for people: no controls, no line ends, no half surrogates, nothing that turns the reading."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _BLANKS.sub(" ", _CONTROL.sub("", _TURNING.sub("", text)))
    return _HALF_SURROGATE.sub(_REPLACEMENT, text).strip()


def decode_header_octets(data: bytes) -> str:
    """A raw header field as text: 8-bit octets are UTF-8 (RFC 6532) or whatever an old mailer meant."""
    return data.decode("ascii") if data.isascii() else _decode_unlabelled(data)
