"""Mail addresses: read leniently, compared strictly.

Policy: addresses are found in the *raw* header field and only names are decoded afterwards, so that an encoded word
can never become an address. What cannot be one mailbox without guessing is left out. `Address.spec` keeps the spelling
of whoever wrote it, since the local part belongs to its server (RFC 5321 §2.4); two addresses are the same to us when
`normal` is. Nothing here raises on content, and all of it is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import idna

from mailroom.charsets import clean_line, decode_words

LOCAL_PART_MAX = 64  # octets, RFC 5321 §4.5.3.1.1
DOMAIN_MAX = 255
_LABEL_MAX = 63


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `local` and `domain` as given, `name` decoded and fit to show, "" where there is none."""

    local: str
    domain: str
    name: str = ""

    @property
    def spec(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def normal(self) -> str:
        """The key by which addresses are compared."""
        return normalise(self.spec)

    def __str__(self) -> str:
        return f"{self.name} <{self.spec}>" if self.name else self.spec


def normalise(spec: str) -> str:
    """`local@domain` in lower case, the domain as A-labels. Text that is no address comes back in lower case."""
    local, at, domain = spec.strip().rpartition("@")
    if not at:
        return spec.strip().lower()
    return f"{local.lower()}@{ascii_domain(domain) or domain.lower()}"


# Reading header fields

_Lexeme = str
# A quoted string, a comment without nesting, an escaped character, one delimiter, or a run of anything else.
_LEXEME = re.compile(r'"(?>(?:[^"\\]|\\.)*)"|\\.|[()<>,;:]|[^"\\()<>,;:]+|.', re.DOTALL)


def parse_address(text: str) -> Address | None:
    """The first mailbox of `text`: an addr-spec, or a name with one in angle brackets. None where there is none."""
    return next(iter(parse_addresses(text)), None)


def parse_addresses(*header_values: str) -> list[Address]:
    """All mailboxes of the raw values of address fields (RFC 5322 §3.4), in order; groups are opened.

    Semicolons separate as commas do: QUIRK: Outlook users type them, and some servers pass them on.
    """
    return [
        address
        for value in header_values
        for lexemes in _split(_uncommented(value))
        if (address := _mailbox(lexemes)) is not None
    ]


def _uncommented(value: str) -> Iterator[_Lexeme]:
    """The lexemes of a field; a comment (RFC 5322 §3.2.2, it may nest) becomes one lexeme with its parentheses.

    A parenthesis that is never closed is left out, so that it cannot swallow the addresses behind it.
    """
    depth = 0
    comment: list[_Lexeme] = []
    for lexeme in _LEXEME.findall(value):
        depth += lexeme == "("
        if not depth:
            yield lexeme
            continue
        comment.append(lexeme)
        depth -= lexeme == ")"
        if not depth:
            yield "".join(comment)
            comment = []
    yield from (lexeme for lexeme in comment if lexeme not in ("(", ")"))


def _split(lexemes: Iterator[_Lexeme]) -> Iterator[list[_Lexeme]]:
    """The lexemes of each mailbox. A colon outside of brackets ends the name of a group.

    Commas separate inside angle brackets too, for a bracket left open must not eat the list; but not in a source
    route, `<@relay.example,@other.example:user@example>` (RFC 5322 §4.4).
    """
    mailbox: list[_Lexeme] = []
    inside = route = False
    for lexeme in lexemes:
        if lexeme == ";" or (lexeme == "," and not route):
            yield mailbox
            mailbox, inside, route = [], False, False
        elif lexeme == ":" and not inside:
            mailbox = []
        else:
            route = (route or mailbox[-1:] == ["<"]) and (lexeme[0] == "@" or lexeme == ",")
            mailbox.append(lexeme)
            inside = lexeme == "<" or (inside and lexeme != ">")
    yield mailbox


def _mailbox(lexemes: list[_Lexeme]) -> Address | None:
    if "<" not in lexemes:
        return _bare_mailbox(lexemes)
    # The last bracket counts: QUIRK: `"a@b" <a@b> <a@b>` and `Name <fax> <a@b>` are seen; receivers take the last.
    start = len(lexemes) - 1 - lexemes[::-1].index("<")
    inside = lexemes[start + 1 :]
    if ">" in inside:
        inside = inside[: inside.index(">")]
    spec = "".join(lexeme for lexeme in inside if not _is_comment(lexeme)).rpartition(":")[2]
    name = _name([lexeme for lexeme in lexemes[:start] if not _is_comment(lexeme)])
    comments = [lexeme[1:-1] for lexeme in lexemes if _is_comment(lexeme)]
    return _address(spec, name or _name(comments))


def _bare_mailbox(lexemes: list[_Lexeme]) -> Address | None:
    """`user@example (Name)`, or words around an address without brackets."""
    comments = [lexeme[1:-1] for lexeme in lexemes if _is_comment(lexeme)]
    text = "".join(lexeme for lexeme in lexemes if not _is_comment(lexeme)).strip()
    if text.startswith('"'):
        return _address(text, _name(comments))
    text = re.sub(r"\s*+@\s*+", "@", text) if text.count("@") == 1 else text
    words = text.split()
    found = next((index for index, word in enumerate(words) if "@" in word), None)
    if found is None:
        return None
    others = words[:found] + words[found + 1 :]
    return _address(words[found], _name([" ".join(others)] if others else comments))


def _is_comment(lexeme: _Lexeme) -> bool:
    return lexeme.startswith("(") and lexeme.endswith(")")


def _name(lexemes: list[_Lexeme]) -> str:
    """A display name: quotes and escapes removed, encoded words read, also (QUIRK) those inside quotes."""
    plain = [re.sub(r"\\(.)", r"\1", lexeme[1:-1] if _is_quoted(lexeme) else lexeme, flags=re.S) for lexeme in lexemes]
    return re.sub(r" {2,}", " ", decode_words("".join(plain).strip(" \t\r\n'")))[:250].strip()


def _is_quoted(lexeme: _Lexeme) -> bool:
    return len(lexeme) > 1 and lexeme.startswith('"') and lexeme.endswith('"')


# No controls, no blanks, no delimiters; quotes and backslashes only as a quoted local part.
_UNSAFE = re.compile(r'[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2069"\\,;:<>()@]')
_UNSAFE_DOMAIN = re.compile(_UNSAFE.pattern[:-1] + r"\[\]/?#%=!&*+{}|^`~']")
_QUOTED_LOCAL = re.compile(r'"(?>(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*)"')
_BRACKETED = re.compile(r"\[[0-9A-Za-z.:-]{1,100}\]")


def _address(spec: str, name: str) -> Address | None:
    local, at, domain = spec.strip(" \t\r\n'").removeprefix("mailto:").rpartition("@")
    local, domain = local.strip(" \t\r\n"), domain.strip(" \t\r\n").rstrip(".")
    if not at or not local or not domain or len(spec) > 1000:
        return None
    if _UNSAFE.search(local) and not _QUOTED_LOCAL.fullmatch(local):
        return None
    if _UNSAFE_DOMAIN.search(domain) and not _BRACKETED.fullmatch(domain):
        return None
    return Address(local, domain, name)


# Domains

# Names that nobody can have (RFC 2606, RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476; .internal: ICANN 2024).
_RESERVED = frozenset(
    {"test", "example", "invalid", "localhost", "localdomain", "local", "onion", "internal", "alt", "home.arpa"}
    | {"example.com", "example.net", "example.org"}
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str | None:
    """The domain as A-labels in lower case (IDNA 2008 with UTS 46), or None where it is no host name.

    Underscores pass, for there are such mail domains. An address literal is no domain.
    """
    name = domain.strip().rstrip(".").lower()
    if not name or len(name) > DOMAIN_MAX:
        return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, transitional=False).decode("ascii")
        except (UnicodeError, ValueError, IndexError):
            return None
    if len(name) > DOMAIN_MAX or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return None
    return name


_LITERAL = re.compile(r"\[(?:IPv6:(?P<six>[0-9a-f:.]+)|(?P<four>[0-9.]+))\]", re.ASCII | re.IGNORECASE)


def literal_ip(domain: str) -> str | None:
    """The IP address that an address literal names (RFC 5321 §4.1.3), or None where the domain is no such literal.

    Never a name: mail to `[localhost]` would have us talk to whatever this machine knows by it.
    """
    literal = _LITERAL.fullmatch(domain)
    if literal is None:
        return None
    try:
        return str(IPv6Address(literal["six"]) if literal["six"] else IPv4Address(literal["four"]))
    except ValueError:
        return None


def is_reserved(domain: str) -> bool:
    """Whether the domain, or one above it, is set aside and can take no mail on the Internet."""
    labels = (ascii_domain(domain) or "").split(".")
    return any(".".join(labels[start:]) in _RESERVED for start in range(len(labels)))


def needs_smtputf8(spec: str) -> bool:
    """Whether only a server with SMTPUTF8 (RFC 6531) can take this address; a domain alone never needs it."""
    return not spec.rpartition("@")[0].isascii()


# Checking what somebody typed

_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\U0010ffff-]*")


def syntax_problem(spec: str) -> str | None:
    """What keeps `spec` from being an address (RFC 5321 §4.1.2), as a word for machines; None where nothing does."""
    if not spec.strip():
        return "empty"
    if clean_line(spec) != spec:
        return "blank_around" if clean_line(spec) == spec.strip() else "control_character"
    local, at, domain = spec.rpartition("@")
    if not at:
        return "no_at"
    return _local_problem(local) or _domain_problem(domain)


def _local_problem(local: str) -> str | None:
    if not local:
        return "no_local_part"
    if len(local.encode("utf-8", "replace")) > LOCAL_PART_MAX:
        return "local_part_too_long"
    if _QUOTED_LOCAL.fullmatch(local):
        return None
    if "@" in local:
        return "two_at"
    if " " in local:
        return "blank"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "local_part_dots"
    return None if _ATEXT.fullmatch(local) and not _UNSAFE.search(local) else "local_part_character"


def _domain_problem(domain: str) -> str | None:
    if not domain:
        return "no_domain"
    if domain.startswith("["):
        return None if literal_ip(domain) else "domain_literal"
    if " " in domain:
        return "blank"
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        return "domain_dots"
    if len(domain) > DOMAIN_MAX or any(len(label) > _LABEL_MAX for label in domain.split(".")):
        return "domain_too_long"
    name = ascii_domain(domain)
    if name is None:
        return "domain_character"
    if "." not in name:
        return "domain_without_dot"
    return "domain_numeric" if name.rpartition(".")[2].isdigit() else None
