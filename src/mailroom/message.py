"""Reading a message: octets in, fields, text, HTML and parts out.

Policy: `parse` takes any octets and never raises. What is wrong is noted as a defect, a word for machines, and read as
the sender most likely meant it. The tree of parts is walked here and not by `email.parser`, which recurses on depth
(RecursionError at a few hundred levels) and takes minutes for some headers; this reader is linear, and stops at the
`Limits`. Nothing is unpacked: an attached message (message/rfc822), a TNEF file, an archive is a part like any other.

The text of a mail is its text/plain parts in order, its HTML the text/html parts; of alternatives (RFC 2046 §5.1.4)
each kind counts once. Where one of the two is missing, `text` is made from the HTML, `html` stays empty. Everything
else is an attachment, pictures that the HTML shows included (`inline`).

File names are for people to read. What is stored never has the sender's name (see `answerback.store`).
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from html import unescape
from urllib.parse import unquote, unquote_to_bytes

from mailroom.address import Address, parse_addresses
from mailroom.charsets import clean_line, decode, decode_base64, decode_header_octets, decode_words
from mailroom.html import from_text, to_text


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one message is read. Beyond it the rest is left alone and a defect says so."""

    size: int = 50 * 1024 * 1024  # octets of the message
    header_octets: int = 512 * 1024  # of one header block
    headers: int = 2000  # fields of one header block
    parts: int = 500
    depth: int = 30  # of multiparts in each other
    text_octets: int = 5 * 1024 * 1024  # of one text part


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the message. `content` is decoded from its transfer encoding, not from its charset."""

    content_type: str  # "image/png", lower case
    content: bytes
    file_name: str = ""  # display name; never empty for an attachment
    inline: bool = False  # a picture that the HTML shows, or that asks to be shown
    content_id: str = ""  # without angle brackets
    charset: str = ""  # as declared

    @property
    def text(self) -> str:
        """The content as text with "\\n" line ends."""
        return _text(self.content, self.charset)[0]


@dataclass(frozen=True)
class Mail:
    """A message read. `fields` are the raw header fields: unfolded, octets decoded, encoded words not.

    Without slots, for the sake of what is worked out once and kept: sorting asks for some fields a dozen times.
    """

    fields: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""  # raw, to be sanitised
    parts: list[Part] = field(default_factory=list)  # all leaves, in order
    attachments: list[Part] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    raw: bytes = b""

    def raw_headers(self, name: str) -> list[str]:
        """Every field of that name, encoded words as they are. Structured fields must be read from these."""
        return self._values.get(name.lower(), [])

    @cached_property
    def _values(self) -> dict[str, list[str]]:
        """Name in lower case → what its fields say, in their order."""
        values: dict[str, list[str]] = {}
        for name, value in self.fields:
            values.setdefault(name.lower(), []).append(value)
        return values

    def headers(self, name: str) -> list[str]:
        """Every field of that name as one line of text to show."""
        return [decode_words(value) for value in self.raw_headers(name)]

    def header(self, name: str) -> str:
        """The first field of that name as text, "" where there is none."""
        return next(iter(self.headers(name)), "")

    @cached_property
    def subject(self) -> str:
        return self.header("Subject")

    @cached_property
    def from_addresses(self) -> list[Address]:
        return self._addresses("From")

    @property
    def from_(self) -> Address | None:
        return next(iter(self.from_addresses), None)

    @property
    def sender(self) -> Address | None:
        return next(iter(self._addresses("Sender")), None)

    @property
    def to(self) -> list[Address]:
        return self._addresses("To")

    @property
    def cc(self) -> list[Address]:
        return self._addresses("Cc")

    @property
    def reply_to(self) -> list[Address]:
        return self._addresses("Reply-To")

    @property
    def message_id(self) -> str:
        """With its angle brackets; "" where there is none."""
        return next(iter(self._message_ids("Message-ID")), "")

    @property
    def in_reply_to(self) -> list[str]:
        return self._message_ids("In-Reply-To")

    @property
    def references(self) -> list[str]:
        return self._message_ids("References")

    @property
    def date(self) -> datetime | None:
        """The Date field, aware; None where it is missing, unreadable or not of this age."""
        return next((_date(value) for value in self.raw_headers("Date")), None)

    @property
    def content_type(self) -> str:
        return self._content_type.value

    def parameter(self, name: str) -> str:
        """A parameter of the message's Content-Type, such as `report-type`; "" where it is missing."""
        return self._content_type.parameters.get(name.lower(), "")

    @cached_property
    def _content_type(self) -> _Parameterised:
        return _content_type(self.fields, "text/plain")

    def _addresses(self, name: str) -> list[Address]:
        return parse_addresses(*self.raw_headers(name))

    def _message_ids(self, name: str) -> list[str]:
        return [identifier for value in self.raw_headers(name) for identifier in _read_message_ids(value)]


def parse(raw: bytes, limits: Limits = Limits()) -> Mail:
    """The message that `raw` is, with whatever line ends and mbox marks it came."""
    defects = _Defects()
    octets = _unwrapped(raw, limits, defects)
    root = _Reader(limits, defects).read(octets, "text/plain", depth=0)
    leaves = list(root.leaves())
    body = _body(root, leaves[0], limits, defects)
    shown = _content_ids(body.html)
    parts = [_part(leaf, leaf not in body.leaves, shown) for leaf in leaves]
    attachments = [part for leaf, part in zip(leaves, parts, strict=True) if leaf not in body.leaves]
    mail = Mail(root.fields, body.text or to_text(body.html), body.html, parts, attachments, [], raw)
    if len(mail.from_addresses) != 1:
        defects.note("several_from" if mail.from_addresses else "from_missing")
    mail.defects.extend(defects.words)
    return mail


def parse_header(block: bytes, limits: Limits = Limits()) -> Mail:
    """A header block alone, as a mail of which nothing else is known."""
    defects = _Defects()
    fields, _ = _Reader(limits, defects).header_block(_unwrapped(block, limits, defects), is_message=True)
    return Mail(fields, raw=block)


@dataclass
class _Defects:
    words: dict[str, None] = field(default_factory=dict)  # in the order in which they were met, each once

    def note(self, word: str) -> None:
        if word:
            self.words[word] = None


_BARE_CR_LOOKED_FOR = 8192  # octets


def _unwrapped(raw: bytes, limits: Limits, defects: _Defects) -> bytes:
    """The message without what transport and storage put around it."""
    octets = raw
    if len(octets) > limits.size:
        defects.note("too_big")
        octets = octets[: limits.size]
    octets = octets.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    start = octets[:_BARE_CR_LOOKED_FOR]
    if b"\r" in start and b"\n" not in start:
        defects.note("bare_cr")
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return octets


# The tree of parts


@dataclass(eq=False)
class _Entity:
    """A message or part: its fields and either its raw body or its children."""

    fields: list[tuple[str, str]]
    content_type: _Parameterised
    body: bytes = b""
    children: list[_Entity] = field(default_factory=list)

    def leaves(self) -> Iterator[_Entity]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def field(self, name: str) -> str:
        return _field(self.fields, name)

    @property
    def kind(self) -> str:
        return self.content_type.value


@dataclass
class _Reader:
    """Reads entities and counts them."""

    limits: Limits
    defects: _Defects
    count: int = 0

    def read(self, octets: bytes, default_type: str, depth: int) -> _Entity:
        """`depth` counts the multiparts around this entity."""
        fields, body = self.header_block(octets, is_message=depth == 0)
        entity = _Entity(fields, _content_type(fields, default_type), body)
        if not entity.kind.startswith("multipart/"):
            return entity
        if depth >= self.limits.depth:
            self.defects.note("too_deep")
            return entity
        entity.children = self._children(entity, depth)
        if not entity.children:
            entity.content_type = replace(entity.content_type, value="text/plain")
        return entity

    def _children(self, entity: _Entity, depth: int) -> list[_Entity]:
        boundary = entity.content_type.parameters.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
        default_type = "message/rfc822" if entity.kind == "multipart/digest" else "text/plain"
        if not boundary:
            self.defects.note("boundary_missing")
            boundary = _guess_boundary(entity.body)
        children: list[_Entity] = []
        for octets in _split(entity.body, boundary, self.defects):
            if self.count >= self.limits.parts:
                self.defects.note("too_many_parts")
                break
            self.count += 1
            children.append(self.read(octets, default_type, depth + 1))
        if boundary and not children:
            self.defects.note("boundary_not_found")
        return children

    def header_block(self, octets: bytes, is_message: bool) -> tuple[list[tuple[str, str]], bytes]:
        """The fields, and the octets after them."""
        whole = _WHOLE_HEADER.match(octets)
        if whole and whole.end() <= self.limits.header_octets:
            fields = _WHOLE_FIELD.findall(whole[1])
            if len(fields) < self.limits.headers:
                return [_split_field(_LINE_ENDS.sub(b"", one)) for one in fields], octets[whole.end() :]
        return self._odd_header_block(octets, is_message)

    def _odd_header_block(self, octets: bytes, is_message: bool) -> tuple[list[tuple[str, str]], bytes]:
        """The same line by line. A line that is no field, and no empty line before it, begins the body."""
        lines: list[list[bytes]] = []
        start, size = 0, 0
        for match in _LINE.finditer(octets):
            line = match.group().rstrip(b"\r\n")
            if not line:
                start = match.end()
                break
            is_field = bool(_FIELD.match(line))
            if not is_field and not (line[:1] in b" \t" and (lines or is_message)):
                if not (is_message and not lines and _MBOX_MARK.match(line)):
                    self.defects.note("header_end_missing" if lines else "header_missing")
                    break
            elif size + len(line) > self.limits.header_octets or len(lines) >= self.limits.headers:
                self.defects.note("header_too_big")
            elif is_field or lines:
                size += len(line)
                if is_field:
                    lines.append([])
                lines[-1].append(line)
            start = match.end()
        return [_split_field(b"".join(unfolded)) for unfolded in lines], octets[start:]


_LINE = re.compile(rb"[^\n]*+\n?")
_FIELD = re.compile(rb"[!-9;-~]++[ \t]*+:")
_MBOX_MARK = re.compile(rb">?From |From:? - ")
# A header as nearly all are: nothing but fields with their folded lines, and an empty line.
_WHOLE_FIELD = re.compile(rb"[!-9;-~]++[ \t]*+:[^\n]*+\n(?>(?:[ \t][^\n]*+\n)*)")
_WHOLE_HEADER = re.compile(rb"((?>(?:" + _WHOLE_FIELD.pattern + rb")*))\r*+\n")
_LINE_ENDS = re.compile(rb"\r*+\n")


def _split_field(line: bytes) -> tuple[str, str]:
    name, _, value = line.partition(b":")
    text = decode_header_octets(value.translate(_CONTROLS_TO_BLANKS))
    return name.rstrip().decode("ascii"), text.strip(" \t")


_CONTROLS_TO_BLANKS = bytes.maketrans(b"\0\r\n", b"   ")


def _field(fields: Sequence[tuple[str, str]], name: str) -> str:
    """The first field of that name, raw; `name` in lower case."""
    return next((value for key, value in fields if len(key) == len(name) and key.lower() == name), "")


_BOUNDARY_LINE = re.compile(rb"^--([^\s-][^\r\n]{0,200}?)[ \t]*\r*$", re.MULTILINE)


def _guess_boundary(body: bytes) -> bytes:
    match = _BOUNDARY_LINE.search(body)
    return match[1] if match else b""


def _split(body: bytes, boundary: bytes, defects: _Defects) -> Iterator[bytes]:
    """The octets of each part of a multipart body (RFC 2046 §5.1.1).

    QUIRK: some mailers close the body and go on with the same boundary, so the last closing line counts.
    """
    start: int | None = None
    for at, end, closing in _delimiters(body, boundary):
        if start is not None:
            yield _without_line_end(body[start:at])
        start = None if closing else end
    if start is not None:
        defects.note("boundary_not_closed")
        if body[start:].strip():
            yield body[start:]


def _delimiters(body: bytes, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it closes) of each delimiter line."""
    mark = b"--" + boundary
    at = body.find(mark) if boundary else -1
    while at >= 0:
        after = at + len(mark)
        if at == 0 or body[at - 1] == 0x0A:
            line_end = body.find(b"\n", after)
            end = line_end + 1 if line_end >= 0 else len(body)
            rest = body[after:end].strip(b" \t\r\n")
            if rest in (b"", b"--"):
                yield at, end, rest == b"--"
        at = body.find(mark, after)


def _without_line_end(octets: bytes) -> bytes:
    """The line end before a delimiter belongs to it."""
    return octets[:-1].rstrip(b"\r") if octets.endswith(b"\n") else octets


# Fields with parameters


@dataclass(frozen=True, slots=True)
class _Parameterised:
    """`value; name=...` (RFC 2045 §5.1, RFC 2231); value and names in lower case."""

    value: str
    parameters: Mapping[str, str]


_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}", re.ASCII)
_VALUE = re.compile(r"[^;\s]*+")
# The ";" before a parameter is a must: without an anchor this would try at every character.
_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+("(?>(?:[^"\\]|\\.)*)"?|[^;]*+)', re.DOTALL)
_EXTENDED = re.compile(r"(.+?)\*(?:(\d{1,3})(\*)?)?")


def _content_type(fields: Sequence[tuple[str, str]], default: str) -> _Parameterised:
    """Content-Type; what is none is text/plain (RFC 2045 §5.2), what is missing the default of its place."""
    text = _field(fields, "content-type")
    if not text:
        return _Parameterised(default, {})
    found = _parameterised(text)
    return found if _MEDIA_TYPE.fullmatch(found.value) else replace(found, value="text/plain")


def _parameterised(text: str) -> _Parameterised:
    """A value with its parameters. Most mails say the same few things, so those are read once."""
    return _usual(text) if len(text) <= _USUAL_LENGTH else _read_parameterised(text)


@lru_cache(maxsize=512)
def _usual(text: str) -> _Parameterised:
    return _read_parameterised(text)


_USUAL_LENGTH = 200


def _read_parameterised(text: str) -> _Parameterised:
    value = _VALUE.match(text)
    end = value.end() if value else 0
    rest = text[end:].lstrip()
    plain: dict[str, str] = {}
    extended: dict[str, list[tuple[int, bool, str]]] = {}
    # QUIRK: a blank instead of the first semicolon.
    for name, quoted in _PARAMETER.findall(rest if rest.startswith(";") else ";" + rest):
        match = _EXTENDED.fullmatch(name.lower())
        if match:
            section = (int(match[2] or 0), match[2] is None or bool(match[3]), _unquoted(quoted))
            extended.setdefault(match[1], []).append(section)
        else:
            plain.setdefault(name.lower(), _unquoted(quoted))
    return _Parameterised(text[:end].lower(), plain | {name: _joined(found) for name, found in extended.items()})


def _unquoted(text: str) -> str:
    """QUIRK: Windows writes paths with single backslashes, so only quotes and backslashes are unescaped."""
    if not text.startswith('"'):
        return text.strip()
    return re.sub(r'\\(["\\])', r"\1", text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:])


def _joined(sections: list[tuple[int, bool, str]]) -> str:
    """The sections of an extended parameter: (number, whether percent-encoded, text)."""
    label, octets = "", bytearray()
    for number, encoded, text in sorted(sections, key=lambda section: section[0]):
        if encoded and number == 0 and text.count("'") >= 2:
            label, _, text = text.split("'", 2)
        octets += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return decode(bytes(octets), label)[0]


# Text


@dataclass(frozen=True, slots=True)
class _Body:
    text: str = ""
    html: str = ""
    leaves: Sequence[_Entity] = ()  # those that the reader sees as text, and so are no attachments


_BODY_TYPES = ("text/plain", "text/html")


def _body(entity: _Entity, first: _Entity, limits: Limits, defects: _Defects) -> _Body:
    """The text and HTML of an entity; `first` is the first leaf of the message."""
    if entity.children:
        bodies = [_body(child, first, limits, defects) for child in entity.children]
        join = _alternative if entity.kind == "multipart/alternative" else _one_after_the_other
        return join(bodies)
    if entity.kind == "text/x-amp-html":
        return _Body(leaves=[entity])  # QUIRK: Google's third version of the same text
    if entity.kind not in _BODY_TYPES or not _is_body(entity, first):
        return _Body()
    return _leaf_body(entity, limits, defects)


def _is_body(leaf: _Entity, first: _Entity) -> bool:
    """QUIRK: Lotus Notes names its body; Apple Mail sends text files inline, but never first."""
    disposition = _parameterised(leaf.field("content-disposition")).value
    return disposition != "attachment" and (leaf is first or not _given_name(leaf))


def _leaf_body(leaf: _Entity, limits: Limits, defects: _Defects) -> _Body:
    content = _content(leaf)
    text, defect = _text(content[: limits.text_octets], _charset(leaf))
    defects.note(defect)
    leaves = [leaf]
    if len(content) > limits.text_octets:
        defects.note("text_too_big")
        leaves = []  # the whole of it stays to be had as an attachment
    if leaf.kind == "text/html":
        return _Body(html=text, leaves=leaves)
    parameters = leaf.content_type.parameters
    if parameters.get("format", "").lower() == "flowed":
        text = _unflowed(text, parameters.get("delsp", "").lower() == "yes")
    return _Body(text=text, leaves=leaves)


def _alternative(bodies: Sequence[_Body]) -> _Body:
    """RFC 2046 §5.1.4: the last one is the richest."""
    return _Body(
        text=next((body.text for body in bodies if body.text.strip()), ""),
        html=next((body.html for body in reversed(bodies) if body.html.strip()), ""),
        leaves=[leaf for body in bodies for leaf in body.leaves],
    )


def _one_after_the_other(bodies: Sequence[_Body]) -> _Body:
    """Where one piece has HTML (or text) alone, the other form of it is made, so that neither lacks a piece."""
    html = text = ""
    if any(body.html for body in bodies):
        html = "".join(body.html or from_text(body.text) for body in bodies)
    if any(body.text for body in bodies):
        text = "\n".join(piece for body in bodies if (piece := body.text or to_text(body.html)))
    return _Body(text, html, [leaf for body in bodies for leaf in body.leaves])


def _charset(leaf: _Entity) -> str:
    """QUIRK: `charset=us-ascii (Plain text)`."""
    return next(iter(leaf.content_type.parameters.get("charset", "").split()), "")


# str.splitlines would also split at U+0085, U+2028 and more; here they are line ends from now on.
_NEWLINE = re.compile("\r+\n|\r|\x85|\u2028|\u2029")
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_ASCII_CONTROL = bytes(octet for octet in range(128) if _CONTROL.match(chr(octet)))


def _text(content: bytes, charset: str) -> tuple[str, str]:
    """(text with "\\n" line ends and no control characters, defect)."""
    text, defect = decode(content, charset)
    text = text.replace("\r\n", "\n")
    if not text.isascii():
        return _CONTROL.sub("", _NEWLINE.sub("\n", text)), defect
    # Most mail is this; four times as fast.
    plain = _NEWLINE.sub("\n", text) if "\r" in text else text
    return plain.encode("ascii").translate(None, _ASCII_CONTROL).decode("ascii"), defect


_QUOTE_MARKS = re.compile(r">*+")


def _unflowed(text: str, delete_space: bool) -> str:
    """RFC 3676: a line that ends in a blank goes on in the next of the same quote depth."""
    paragraphs: list[list[str]] = []
    flowing, is_open = "", False  # the quote marks of the last line, and whether it goes on
    for line in text.split("\n"):
        marks = "".join(_QUOTE_MARKS.findall(line)[:1])
        content = line[len(marks) :].removeprefix(" ")
        goes_on = content.endswith(" ") and content != "-- "
        if is_open and marks == flowing and content != "-- ":
            paragraphs[-1].append(content[:-1] if goes_on and delete_space else content)
        else:
            paragraphs.append([f"{marks} " if marks else "", content[:-1] if goes_on and delete_space else content])
        flowing, is_open = marks, goes_on
    return "\n".join("".join(paragraph) for paragraph in paragraphs)


# Leaves


def _part(leaf: _Entity, is_attachment: bool, shown: frozenset[str]) -> Part:
    """`shown` are the Content-IDs that the HTML refers to."""
    disposition = _parameterised(leaf.field("content-disposition")).value
    content_id = leaf.field("content-id").strip(" \t<>")
    name = _given_name(leaf)
    return Part(
        content_type=leaf.kind,
        content=_content(leaf),
        file_name=clean_file_name(name, leaf.kind) if name or is_attachment else "",
        inline=leaf.kind.startswith("image/") and (disposition == "inline" or content_id in shown),
        content_id=clean_line(content_id),
        charset=_charset(leaf),
    )


_CID = re.compile(r"cid:([^\"'\s<>)]{1,500})", re.IGNORECASE)


def _content_ids(html: str) -> frozenset[str]:
    found = {unescape(reference) for reference in _CID.findall(html)}
    return frozenset(found | {unquote(reference) for reference in found})


def _content(leaf: _Entity) -> bytes:
    """The body without its transfer encoding; one that nobody knows is taken for none (RFC 2045 §6.4 says: opaque)."""
    encoding = leaf.field("content-transfer-encoding").strip(" \t\"';").lower()
    if encoding == "base64":
        return decode_base64(leaf.body)
    if encoding in ("quoted-printable", "quoted printable", "quotedprintable"):
        return binascii.a2b_qp(leaf.body)
    if encoding in ("x-uuencode", "uuencode", "x-uue"):
        return _decode_uu(leaf.body)
    return leaf.body


def _decode_uu(body: bytes) -> bytes:
    decoded = bytearray()
    for line in body.split(b"\n"):
        line = line.rstrip(b"\r")
        if not line or line.startswith(b"begin ") or line == b"end":
            continue
        try:
            decoded += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(decoded)


# File names

FILE_NAME_MAX = 180  # characters
_EXTENSION_MAX = 20
_NAMES: Mapping[str, str] = {
    "application/ms-tnef": "winmail.dat",
    "application/pdf": "attachment.pdf",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-signature": "smime.p7s",
    "image/gif": "image.gif",
    "image/jpeg": "image.jpg",
    "image/png": "image.png",
    "message/delivery-status": "delivery-status.txt",
    "message/rfc822": "message.eml",
    "text/calendar": "invitation.ics",
    "text/csv": "attachment.csv",
    "text/html": "attachment.html",
    "text/plain": "attachment.txt",
    "text/rfc822-headers": "headers.txt",
}
_SEPARATORS = re.compile(r"[/\\\u2044\u2215\u29f5\u29f8\ufe68\uff0f\uff3c]")
_NOT_IN_NAMES = re.compile(r'[<>:"|?*]')


def _given_name(leaf: _Entity) -> str:
    return _parameterised(leaf.field("content-disposition")).parameters.get(
        "filename"
    ) or leaf.content_type.parameters.get("name", "")


def clean_file_name(name: str, content_type: str = "") -> str:
    """A name to show and to offer for saving: one path part, nothing invisible, no leading dot, never empty.

    Invisible characters go first, so that nothing is hidden from the checks after them.
    """
    text = unicodedata.normalize("NFC", decode_words(name))
    text = "".join(character for character in text if unicodedata.category(character)[0] != "C")
    text = _NOT_IN_NAMES.sub("_", _SEPARATORS.split(text)[-1])
    text = " ".join(text.split()).strip(". ")
    if not text:
        return _NAMES.get(content_type, "attachment")
    stem, dot, extension = text.rpartition(".")
    if len(text) > FILE_NAME_MAX and stem and len(extension) <= _EXTENSION_MAX:
        return stem[: FILE_NAME_MAX - len(extension) - 1].rstrip(". ") + dot + extension
    return text[:FILE_NAME_MAX].rstrip(". ")


# Single fields

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,995}>")
_YEARS = range(1970, 2100)


def _read_message_ids(value: str) -> list[str]:
    """QUIRK: some mailers leave out the angle brackets."""
    found = _MESSAGE_ID.findall(value)
    bare = [f"<{word}>" for word in value.split()[:1] if "@" in word and not set(word) & set("<>")]
    return found or [identifier for identifier in bare if len(identifier) <= 997]


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value[:200])
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return aware if aware.astimezone(UTC).year in _YEARS else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # QUIRK: Python 3.11 raises any of these on text that is no date
