"""Notices that are only text: qmail and its kin, Exim, old Postfix and Sendmail, gateways, providers, in any language.

Policy:
- First, is this a notice at all? Its sender, subject, return path and words have to agree (`is_notice`, asked by
  `read.read`), because a false failure on somebody's comment is worse than a missed one.
- Then, who got nothing? Addresses are gathered with how they stand there (`_Standing`), and only those that stand
  best are taken: named in X-Failed-Recipients, heading a reason (`<a@b>: ...`), alone on a line or behind a label,
  inside a sentence about failure, inside a quoted SMTP dialogue, in the summary of the sent mail.
- Then, what was said about each? The lines below its address up to the next one, else the lines of the dialogue that
  name it, else what stands below the list.
- The whole notice decides whether delivery is still being tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from mailroom.address import parse_addresses
from mailroom.bounces import phrases
from mailroom.bounces.codes import read_codes, read_remote_mta
from mailroom.bounces.notice import Notice
from mailroom.bounces.original import read_original
from mailroom.report import Action, DeliveryReport, Source

MAX_LINES: Final = 2000
MAX_RECIPIENTS: Final = 200
MAX_DIAGNOSTIC: Final = 4000
_WORD: Final = 12  # characters before an address in a list: "SMTP <a@b>"
_LABEL: Final = 40  # characters of a label at the start of a line, its colon included
_LEAD: Final = 300  # characters of a paragraph that may announce addresses

# An address in running text. Possessive, so that a long run of letters costs one pass.
_ADDRESS: Final = re.compile(r"""[^\s<>()\[\]"',;:|@\\]{1,128}@[^\s<>()\[\]"',;:|@/\\]{1,255}""")
# "Failed recipient(s): <" before an address, also as one of several: "[Status: Error, Address: <".
_LABELLED: Final = re.compile(
    r"(?:^|[,;\[(])[\s>*|-]{0,20}((?:[^:=<>@,;\[(]|\(e?s\)){1,60}?)\s{0,5}[:=：]\s{0,20}[\[<\"']{0,3}(?:smtp:)?$", re.I
)
_X400: Final = re.compile(r"^(?:smtp|rfc822|rfc-822)=", re.I)  # QUIRK: Exchange 5.5: "o=Werk;dda:SMTP=a@b"
_LABEL_NOISE: Final = re.compile(r"\(e?s\)|\d+|\battempts?\b|\bthe\b")
_PUNCTUATION: Final = " \t<>\"'[](){}*-=.,;:|>•·#&_~+「」『』、。"
_LOCAL_PART: Final = re.compile(r"^\s{0,20}<?([A-Za-z0-9][A-Za-z0-9._+-]{1,63})>?\s{0,20}$")
_ON_DATE: Final = re.compile(r"^ on \w{3},? ")
_HEADING: Final = re.compile(r"^\s{0,20}(?:-{3,}|={3,}|\*{3,}|_{3,})")
_REPLY_LINE: Final = re.compile(r"^\s{0,8}(?:<<< )?[245]\d\d[ -]")
_RCPT_TO: Final = re.compile(r"rcpt to: ?<?$", re.I)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?。]) +|(?<=。)")
# Sendmail: "554 <a@b>... 550 Host unknown": the code behind the dots is the one that was said.
_SENDMAIL_REPLY: Final = re.compile(r"^\s{0,8}\d{3}[ -](?:\d\.\d\.\d )?\S{1,300}\.\.\. (?=\d{3}[ -])")


# Sendmail 8: "(reason: 450 4.7.1 ...)"; what its transcript says below is at times its own conclusion from that.
_REASON: Final = re.compile(r"^\s{0,8}\(reason: (?P<said>[245]\d\d[^\n]{0,1000})\)[ \t]*(?:\n|$)")


class _Standing(IntEnum):
    """How an address stands in a notice, best first."""

    NAMED = 0
    HEADING = 1
    LISTED = 2
    TOLD = 3
    SPOKEN = 4
    NEAR = 5
    ORIGIN = 6
    ADDRESSED = 7
    ALONE = 8  # anywhere else; counts only by elimination
    NOBODY = 9  # somebody else's address


@dataclass(frozen=True, slots=True)
class _Mention:
    standing: _Standing
    address: str
    line: int
    rest: str = ""  # what stands behind it on the line


def read(notice: Notice) -> list[DeliveryReport] | None:
    """One report for each recipient that the notice names; None where it names nobody."""
    mentions = _recipients(notice)
    if not mentions:
        return None
    action = _action(notice)
    told = _said_about(notice.lines[:MAX_LINES], mentions)
    return [_report(mention, text, action) for mention, text in zip(mentions, told, strict=True)]


def read_by_elimination(notice: Notice) -> list[DeliveryReport] | None:
    """Where a notice says of nobody that he got nothing: the one recipient of the original, else the one address.

    QUIRK: AOL gives only the local part, others only a reason. A notice may also be in a language we do not know.
    """
    addresses = [address.spec for address in read_original(notice.original).to] or _other_addresses(notice)
    if len(addresses) != 1:
        return None
    mention = _Mention(_Standing.ALONE, addresses[0], -1)
    return [_report(mention, notice.text.strip()[:MAX_DIAGNOSTIC], _action(notice))]


def _other_addresses(notice: Notice) -> list[str]:
    """The addresses of the text that are not known to be somebody else's."""
    senders = {address.normal for address in notice.mail.to}
    mentions = [mention for mention in _mentions(notice.lines[:MAX_LINES]) if mention.standing is _Standing.ALONE]
    return [mention.address for mention in _once(mentions) if mention.address.lower() not in senders]


# Is this a notice?


# Somebody who quotes a notice ("what does this mean?") reports nothing, whatever the subject says.
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)


def is_notice(notice: Notice) -> bool:
    """Whether somebody's mail system wrote this about a mail that it could not deliver yet or at all."""
    if notice.header("X-Failed-Recipients"):
        return True
    words = phrases.folded(_QUOTED_LINE.sub("", notice.text[:20_000]))
    speaks_of_failure = bool(phrases.FAILURES.occur_in(words) or phrases.STILL_TRYING.occur_in(words))
    titled = bool(phrases.SUBJECTS.occur_in(subject(notice)))
    if _sent_by_system(notice):
        return speaks_of_failure or titled
    if phrases.is_machine_subject(subject(notice)):
        return speaks_of_failure and not _sent_by_person(notice)
    return speaks_of_failure and (titled or _is_null(notice.header("From"))) and _unanswerable(notice)


def subject(notice: Notice) -> str:
    return phrases.folded(notice.header("Subject"))


def _sent_by_system(notice: Notice) -> bool:
    name = phrases.folded(notice.header("From"))
    if phrases.SENDER_NAMES.occur_in(name):
        return True
    local = name.partition("@")[0].rpartition("<")[2]
    return re.sub(r"[\W_]", "", local) in phrases.SENDER_LOCAL_PARTS


def _sent_by_person(notice: Notice) -> bool:
    """Whether somebody with a name wrote this, and failures go back there. QUIRK: gateways have no name."""
    sender = notice.mail.from_
    returned_to = parse_addresses(notice.header("Return-Path"))
    automatic = notice.header("Auto-Submitted").lower().startswith("auto")
    return bool(sender and sender.name and returned_to and returned_to[0].normal == sender.normal and not automatic)


def _unanswerable(notice: Notice) -> bool:
    """A null return path (RFC 5321 §4.5.5) or a mark of RFC 3834."""
    return (
        any(_is_null(notice.header(name)) for name in ("Return-Path", "X-Envelope-From", "From"))
        or notice.header("Auto-Submitted").lower().startswith("auto")
        or notice.is_report
    )


def _is_null(value: str) -> bool:
    return value.replace(" ", "").endswith("<>")


# Who got nothing?


def _recipients(notice: Notice) -> list[_Mention]:
    """The addresses that stand best, each once."""
    lines = notice.lines[:MAX_LINES]
    mentions = [*_named(notice, lines), *_mentions(lines)]
    senders = {address.normal for address in notice.mail.to}
    for standing in tuple(_Standing)[: _Standing.ALONE]:
        found = [mention for mention in mentions if mention.standing is standing]
        if standing is _Standing.HEADING:
            found = _equally_indented(found, lines)
        if standing >= _Standing.LISTED:
            found = _without_senders(found, senders, standing)
        if found:
            return _as_written_to(_once(found), lines)[:MAX_RECIPIENTS]
    return _local_parts(notice)


def _as_written_to(found: list[_Mention], lines: Sequence[str]) -> list[_Mention]:
    """One recipient under two addresses: the one above stays, with what is said about the one below.

    QUIRK: Exchange names whom the author wrote to, and then, for administrators, the address it sent that on to.
    """
    edge = next((number for number, line in enumerate(lines) if phrases.leads_to_diagnostics(line)), len(lines))
    above = [mention for mention in found if mention.line < edge]
    below = [mention for mention in found if mention.line > edge]
    if len(above) == len(below) == 1:
        return [replace(below[0], address=above[0].address)]
    return found


def _without_senders(found: Sequence[_Mention], senders: set[str], standing: _Standing) -> list[_Mention]:
    """Without those whose mail came back, unless a list or dialogue names nobody else: they wrote to themselves."""
    others = [mention for mention in found if mention.address.lower() not in senders]
    return others or (list(found) if standing in (_Standing.LISTED, _Standing.SPOKEN) else [])


def _equally_indented(found: Sequence[_Mention], lines: Sequence[str]) -> list[_Mention]:
    """Headings that stand as far in as the first: `    <a@b>: Sender refused` deeper in is part of a folded reply."""
    margins = [len(lines[mention.line]) - len(lines[mention.line].lstrip()) for mention in found]
    return [mention for mention, margin in zip(found, margins, strict=True) if margin == margins[0]]


def _local_parts(notice: Notice) -> list[_Mention]:
    """Recipients that a server names without its own domain, alone on a line below "the following recipients ...".

    QUIRK: AOL, and the nameserver reports of universities.
    """
    sender = notice.mail.from_
    announced = False
    found: list[_Mention] = []
    for number, line in enumerate(notice.lines[:MAX_LINES]):
        match = _LOCAL_PART.match(line)
        if announced and match and sender:
            found.append(_Mention(_Standing.LISTED, f"{match[1]}@{sender.domain}", number))
        elif line.strip():
            announced = _announces(line)
    return found[:MAX_RECIPIENTS]


def _once(mentions: Sequence[_Mention]) -> list[_Mention]:
    seen: dict[str, _Mention] = {}
    for mention in mentions:
        seen.setdefault(mention.address.lower(), mention)
    return list(seen.values())


def _named(notice: Notice, lines: Sequence[str]) -> Iterator[_Mention]:
    """Those of X-Failed-Recipients (Exim, Gmail), at the line of the text that shows them."""
    values = notice.mail.raw_headers("X-Failed-Recipients")
    if not values:
        return
    folded = [line.lower() for line in lines]
    for address in parse_addresses(*values)[:MAX_RECIPIENTS]:
        line = next((number for number, text in enumerate(folded) if address.spec.lower() in text), -1)
        rest = lines[line].partition(address.spec)[2] if line >= 0 else ""
        yield _Mention(_Standing.NAMED, address.spec, line, rest)


def _mentions(lines: Sequence[str]) -> Iterator[_Mention]:
    """Every address of the text with its standing; those of other people are left out."""
    announced = False  # the lines before end like "the following recipients:", so that addresses are expected
    before = paragraph = ""
    told: dict[int, frozenset[str]] | None = None
    for number, line in enumerate(lines):
        if not line.strip():
            paragraph = ""
            continue
        paragraph = f"{paragraph} {line}"[-_LEAD:]
        found = list(_ADDRESS.finditer(line)) if "@" in line else []
        for match in found:
            standing = _standing(line, match, before, announced=announced)
            if standing is None:
                told = _told_addresses(lines) if told is None else told
                standing = _standing_in_sentence(told.get(number), match[0])
            rest = line if standing is _Standing.SPOKEN else line[match.end() :].lstrip(">\"')] :")
            yield _Mention(standing, _clean(match[0]), number, rest)
        announced = _announces(paragraph) or (announced and bool(found))
        before = line


def _standing(line: str, match: re.Match[str], before: str, *, announced: bool) -> _Standing | None:
    """The standing by what is around the address on its line; None where only the sentence can tell."""
    head, rest = line[: match.start()], line[match.end() :]
    if _X400.match(match[0]):
        return _Standing.LISTED
    label = _label(head)
    if label is not None:
        return _standing_by_label(label)
    if phrases.leads_to_origin(head):
        return _Standing.ORIGIN
    if phrases.leads_to_other(head) or (not head.strip(_PUNCTUATION) and phrases.leads_to_other(before)):
        return _Standing.NOBODY
    if _REPLY_LINE.match(line) or _RCPT_TO.search(head):
        return _Standing.SPOKEN
    if not head.strip(_PUNCTUATION):
        bare = rest.lstrip(">\"'])")
        if bare.lstrip().startswith((":", "：")):
            return _Standing.HEADING
        if not _ADDRESS.sub("", bare).strip(_PUNCTUATION) or _comments(bare):
            return _Standing.LISTED
    return _Standing.LISTED if announced and len(head.strip(_PUNCTUATION)) <= _WORD else None


def _standing_in_sentence(told: frozenset[str] | None, address: str) -> _Standing:
    """Whether a sentence about failure holds the address, or its paragraph has such a sentence, or neither."""
    if told is None:
        return _Standing.ALONE
    return _Standing.TOLD if address in told else _Standing.NEAR


def _standing_by_label(label: str) -> _Standing | None:
    name = _LABEL_NOISE.sub("", phrases.folded(label)).strip(_PUNCTUATION)
    name = " ".join(name.split())
    if name in phrases.RECIPIENT_LABELS:
        return _Standing.LISTED
    if name in phrases.ADDRESSED_LABELS:
        return _Standing.ADDRESSED
    if name in phrases.OTHER_LABELS:
        return _Standing.NOBODY
    return _Standing.TOLD if phrases.FAILURES.occur_in(phrases.folded(label)) else None


def _label(head: str) -> str | None:
    match = _LABELLED.search(head[-200:])
    return match[1] if match else None


def _comments(rest: str) -> bool:
    """Whether the words behind an address at the start of a line are about it: "[User unknown]", "- no such user"."""
    bare = rest.lstrip()
    # QUIRK: Exchange 5.5: "a@b on Thu, 29 Apr 2007 16:51:51 -0500".
    return (
        bool(_ON_DATE.match(rest))
        or bare.startswith(("[", "(", "- ", "-> ", "...", "; ", ", "))
        or bool(phrases.FAILURES.occur_in(phrases.folded(bare)) or read_codes(bare).reply_code)
    )


def _announces(lead: str) -> bool:
    """Whether addresses come below a lead such as "did not reach the following recipient(s):"."""
    bare = lead.rstrip(" \t*=-")
    return bare.endswith((":", "：")) and _tells(bare)


def _tells(text: str) -> bool:
    """Whether the text speaks of failure or delay."""
    words = phrases.folded(text)
    return phrases.FAILURES.occur_in(words) or phrases.STILL_TRYING.occur_in(words)


def _told_addresses(lines: Sequence[str]) -> dict[int, frozenset[str]]:
    """For each line of a paragraph that speaks of failure: the addresses in those of its sentences that do."""
    found: dict[int, frozenset[str]] = {}
    paragraph: list[int] = []
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            paragraph.append(number)
        elif paragraph:
            sentences = _SENTENCE_END.split(" ".join(lines[n].strip() for n in paragraph))
            telling = [text for text in sentences if _tells(text)]
            if telling:
                told = frozenset(address for text in telling for address in _ADDRESS.findall(text))
                found.update(dict.fromkeys(paragraph, told))
            paragraph = []
    return found


def _clean(address: str) -> str:
    """The address without what the text has glued to it: "SMTP=a@b.", "mailto:"."""
    bare = address.strip(".?!*=`»«“”‘’、。")
    return _X400.sub("", bare)


# What was said about each?


def _said_about(lines: Sequence[str], mentions: Sequence[_Mention]) -> list[str]:
    """For each mention the lines that tell its reason, "" where nothing does; each at most `MAX_DIAGNOSTIC` long."""
    if len(mentions) == 1:
        return [_said_about_one(lines, mentions[0])[:MAX_DIAGNOSTIC]]
    starts = sorted({mention.line for mention in mentions})
    below = "\n".join(lines[starts[-1] + 1 :]).strip()[:MAX_DIAGNOSTIC]
    dialogue = [(line, line.lower()) for line in lines if _REPLY_LINE.match(line) or ">>>" in line]
    return [
        _own_lines(lines, mention, starts)[:MAX_DIAGNOSTIC]
        or _dialogue_about(dialogue, mention.address)[:MAX_DIAGNOSTIC]
        or below
        for mention in mentions
    ]


def _said_about_one(lines: Sequence[str], mention: _Mention) -> str:
    """What stands below the only address; all of the notice where only that has a code."""
    below = "\n".join([mention.rest, *lines[mention.line + 1 :]]).strip()
    if above := _reason_above(lines[: max(mention.line, 0)]):
        below = f"{above}\n{below}".strip()
    if read_codes(below).reply_code:
        return below
    whole = "\n".join(lines).strip()
    return whole if read_codes(whole).reply_code or not below.strip(_PUNCTUATION + "\n") else below


def _reason_above(lines: Sequence[str]) -> str:
    """What stands above the only address as the reason: behind a label, or the one sentence the notice opens with.

    QUIRK: "Error: No valid recipients" (Verizon), "The user(s) account is disabled." (EZweb).
    """
    told = [line.strip() for line in lines if line.strip()]
    labelled = next((line for line in reversed(told) if _is_reason(line)), "")
    opening = told[0] if len(told) == 1 and told[0].endswith(".") else ""
    return labelled or opening


def _is_reason(line: str) -> bool:
    label, colon, _ = line[:_LABEL].replace("：", ":").partition(":")
    return bool(colon) and phrases.folded(label) in phrases.REASON_LABELS


def _own_lines(lines: Sequence[str], mention: _Mention, starts: Sequence[int]) -> str:
    if mention.line < 0:
        return ""
    end = next((start for start in starts if start > mention.line), len(lines))
    own = [mention.rest]
    for line in lines[mention.line + 1 : end]:
        if _HEADING.match(line):
            break
        own.append(line)
    text = "\n".join(own).strip()
    return text if text.strip(_PUNCTUATION + "\n") else ""


def _dialogue_about(dialogue: Sequence[tuple[str, str]], address: str) -> str:
    """Replies of a quoted SMTP dialogue that name the address, or follow upon a command that does.

    `dialogue` has each line as it is and in lower case.
    """
    wanted = address.lower()
    told: list[str] = []
    asked = False
    for line, folded in dialogue:
        if ">>>" in line:
            asked = wanted in folded
        elif asked or wanted in folded:
            told.append(_SENDMAIL_REPLY.sub("", line))
    return "\n".join(told)


# The verdict


def _action(notice: Notice) -> Action:
    words = f"{subject(notice)} {phrases.folded(notice.text[:20_000])}"
    if phrases.STILL_TRYING.occur_in(words) and not phrases.GIVEN_UP.occur_in(words):
        return Action.DELAYED
    return Action.FAILED


def _report(mention: _Mention, said: str, action: Action) -> DeliveryReport:
    reason = _REASON.match(said)
    codes = read_codes(_SENDMAIL_REPLY.sub("", reason["said"] if reason else said))
    status, reply_code = codes.status, codes.reply_code
    if status and reply_code and reply_code // 100 != status.class_:
        status = None
    return DeliveryReport(
        recipient=mention.address,
        action=action,
        permanent=action is Action.FAILED and _is_permanent(said, reply_code, status.permanent if status else None),
        reply_code=reply_code,
        status=status,
        diagnostic=reason["said"] if reason else said,
        remote_mta=read_remote_mta(said),
        source=Source.REPORT,
        expired=phrases.EXPIRED.occur_in(phrases.folded(said)),
        origins={
            "recipient": mention.standing.name.lower(),
            "action": "wording",
            "status": "text",
            "reply_code": "text",
            "diagnostic": "text",
        },
    )


def _is_permanent(said: str, reply_code: int | None, by_status: bool | None) -> bool:
    if by_status is not None:
        return by_status
    if reply_code:
        return reply_code >= 500
    return not phrases.GIVEN_UP_TRANSIENT.occur_in(phrases.folded(said))
