"""Delivery status notifications: RFC 3464 in RFC 6522, internationalised by RFC 6533, and what MTAs make of them.

Policy:
- a group of fields with a recipient is a report; fields above the first group (Reporting-MTA) hold for all;
- `Action` decides whether somebody gave up. Where it is missing or unknown the status' class does, then the diagnostic;
- the status of the quoted reply beats a `Status` that says nothing (X.0.0, X.5.0) or only that time ran out (X.4.7),
  as Postfix and Sendmail fill those in themselves; otherwise `Status` stands;
- a reply code of another class than the status is somebody's mistake: the status decides and the code stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from mailroom.bounces import phrases
from mailroom.bounces.codes import Codes, read_codes, read_remote_mta
from mailroom.bounces.notice import Notice
from mailroom.report import Action, DeliveryReport, Source
from mailroom.status import EnhancedStatus

MAX_RECIPIENTS: Final = 1000
MAX_DIAGNOSTIC: Final = 8 * 1024

_Fields = dict[str, str]

# QUIRK: "Action : failed" (Mimecast), "ction: failed" (a Sendmail sample), "> Final-Recipient:" in forwarded notices.
_FIELD = re.compile(r"[> \t]{0,8}([A-Za-z][A-Za-z0-9-]{2,50})[ \t]?:(.*)")
_RECIPIENT_FIELD = re.compile(r"^[> \t]{0,8}(?:Final|Original)-Recipient[ \t]?:", re.I | re.M)
_PER_MESSAGE: Final = frozenset(
    {
        "reporting-mta",
        "dsn-gateway",
        "received-from-mta",
        "arrival-date",
        "original-envelope-id",
        "x-original-message-id",
    }
)
_PER_RECIPIENT: Final = frozenset(
    {
        "final-recipient", "original-recipient", "x-actual-recipient", "action", "ction", "status", "remote-mta",
        "diagnostic-code", "last-attempt-date", "final-log-id", "will-retry-until", "x-display-name",
        "x-powermta-bouncecategory",
    }
)  # fmt: skip
_RECIPIENT_FIELDS: Final = ("final-recipient", "original-recipient", "x-actual-recipient")
_ACTIONS: Final = {
    "failed": Action.FAILED,
    "failure": Action.FAILED,
    "fail": Action.FAILED,
    "error": Action.FAILED,
    "expired": Action.FAILED,  # QUIRK: SendGrid
    "undeliverable": Action.FAILED,
    "rejected": Action.FAILED,
    "bounced": Action.FAILED,
    "delayed": Action.DELAYED,
    "delay": Action.DELAYED,
    "deferred": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "deliverable": Action.DELIVERED,
    "relayed": Action.RELAYED,
    "transferred": Action.RELAYED,
    "expanded": Action.EXPANDED,
}
# RFC 6533 §3: utf-8-addr-xtext, "\x{20AC}".
_UTF8_CHARACTER = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ADDRESS = re.compile(r"<?\"?([^\s<>\"]+@[^\s<>\"]+)\"?>?")
_EXPIRED_DETAIL: Final = (4, 7)


def read(notice: Notice) -> list[DeliveryReport] | None:
    """The reports of all delivery-status parts; None where there is no group of fields with a recipient."""
    return _read_groups(notice.status)


def read_in_text(notice: Notice) -> list[DeliveryReport] | None:
    """The same of status fields that stand among the words, where a part was glued to the text (WorkMail, Sendmail)."""
    return _read_groups([notice.text]) if _RECIPIENT_FIELD.search(notice.text) else None


def _read_groups(texts: Sequence[str]) -> list[DeliveryReport] | None:
    groups = islice((group for text in texts for group in _groups(text)), MAX_RECIPIENTS)
    return [report for common, group in groups if (report := _report(common, group))] or None


def _groups(text: str) -> Iterator[tuple[_Fields, _Fields]]:
    """(fields per message, fields per recipient) for each recipient.

    A blank line ends a group, and so does a recipient field that the group has already:
    QUIRK: some MTAs leave the blank line out, others put one inside a group.
    """
    common: _Fields = {}
    group: _Fields = {}
    for name, value in _fields(text):
        if name == "":
            if _names_recipient(group) and "action" in group:
                yield common, group
                group = {}
        elif name in _PER_MESSAGE:
            common.setdefault(name, value)
        elif name in _PER_RECIPIENT:
            if name in group and name in (*_RECIPIENT_FIELDS, "action"):
                yield common, group
                group = {}
            group.setdefault("action" if name == "ction" else name, value)
    yield common, group


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """(name in lower case, unfolded value); ("", "") for each blank line."""
    name, values = "", list[str]()
    for line in [*text.split("\n"), ""]:
        bare = line.strip("> \t")
        if name and bare and line[:1] in " \t>" and not _known_field(line):
            values.append(bare)
            continue
        if name:
            yield name, "\n".join(value for value in values if value)
            name = ""
        if not bare:
            yield "", ""
        elif match := _FIELD.match(line):
            name, values = match[1].lower(), [match[2].strip()]


def _known_field(line: str) -> bool:
    match = _FIELD.match(line)
    return bool(match) and match[1].lower() in (_PER_RECIPIENT | _PER_MESSAGE)  # type: ignore[index]


def _names_recipient(group: _Fields) -> bool:
    return any(group.get(name) for name in _RECIPIENT_FIELDS)


def _report(common: _Fields, group: _Fields) -> DeliveryReport | None:
    final = read_typed_address(group.get("final-recipient", ""))
    original = read_typed_address(group.get("original-recipient", ""))
    recipient = _best_recipient(final, original)
    if not recipient:
        return None
    diagnostic_type, diagnostic = _typed(group.get("diagnostic-code", ""))
    given = EnhancedStatus.find(group.get("status", ""))
    said = read_codes(diagnostic.replace("\n", " ")) if diagnostic_type != "x-unix" else Codes()
    # QUIRK: "Status: 553 Exceeded maximum inbound message size" (flufl dsn_03).
    reply_code = said.reply_code or read_codes(group.get("status", "")).reply_code
    status = better_status(given, said.status)
    action = _action(group.get("action", ""), status, reply_code)
    if action is None:
        return None
    if status and reply_code and reply_code // 100 != status.class_:
        reply_code = None
    return DeliveryReport(
        recipient=recipient,
        action=action,
        permanent=_is_permanent(action, status, reply_code),
        reply_code=reply_code,
        status=status,
        diagnostic=diagnostic[:MAX_DIAGNOSTIC],
        reporting_mta=_typed(common.get("reporting-mta", ""))[1].split(" ")[0],
        remote_mta=_host(_typed(group.get("remote-mta", ""))[1]) or read_remote_mta(diagnostic),
        source=Source.REPORT,
        expired=_is_expired(group, given, diagnostic),
        original_recipient=original,
        original_message_id=common.get("x-original-message-id", ""),
        origins=_origins(group, recipient == final, status == given, said.reply_code is not None),
    )


def _origins(group: _Fields, is_final: bool, is_given: bool, is_said: bool) -> dict[str, str]:
    """Which field each value comes from."""
    return {
        "recipient": "final-recipient" if is_final else "original-recipient",
        "action": "action" if group.get("action") else "inferred",
        "status": "status" if is_given else "diagnostic-code",
        "reply_code": "diagnostic-code" if is_said else "status",
        "diagnostic": "diagnostic-code",
    }


def _action(word: str, status: EnhancedStatus | None, reply_code: int | None) -> Action | None:
    """QUIRK: "failed (Bad destination mailbox address)", "Failed", none at all."""
    first = re.match(r"\W*([A-Za-z]*)", word)
    known = _ACTIONS.get(first[1].lower() if first else "")
    if known or status is None:
        return known or (Action.FAILED if reply_code else None)
    return Action.DELIVERED if status.class_ == 2 else Action.FAILED


def better_status(given: EnhancedStatus | None, said: EnhancedStatus | None) -> EnhancedStatus | None:
    """Of the status of the report and that of the reply it quotes, the one that says more."""
    if given is None or said is None:
        return given or said
    vague = given.subject == 0 or (given.subject, given.detail) in ((5, 0), _EXPIRED_DETAIL)
    return said if vague and said.class_ == given.class_ else given


def _is_permanent(action: Action, status: EnhancedStatus | None, reply_code: int | None) -> bool:
    if action is not Action.FAILED:
        return False
    if status:
        return status.permanent
    return reply_code is None or reply_code >= 500


def _is_expired(group: _Fields, given: EnhancedStatus | None, diagnostic: str) -> bool:
    if group.get("action", "").lower().startswith("expired"):
        return True
    if given and (given.subject, given.detail) == _EXPIRED_DETAIL:
        return True
    return phrases.EXPIRED.occur_in(phrases.folded(diagnostic))


def _typed(value: str) -> tuple[str, str]:
    """("smtp", text) of "smtp; text"; the type is "" where none stands there (QUIRK: SendGrid, McAfee)."""
    kind, semicolon, text = value.partition(";")
    kind = kind.strip().lower()
    if semicolon and len(kind) <= 40 and re.fullmatch(r"[a-z0-9./-]+", kind):
        return kind, text.strip()
    return "", value.strip()


def _host(value: str) -> str:
    """The host of "mx.example (192.0.2.1, the server for the domain.)"."""
    return value.split()[0].strip("[]").rstrip(".") if value.strip() else ""


def _best_recipient(final: str, original: str) -> str:
    """The final recipient where it is an address, else the original one: "system;<>", "x400; /S=..."."""
    for candidate in (final, original):
        if "@" in candidate and not candidate.startswith("@"):
            return candidate
    return final or original


def read_typed_address(value: str) -> str:
    """The address of "rfc822; <a@b>", "utf-8; \\x{e4}@b", "LOCAL;<a@b>" or "rfc822;rfc822;a@b"."""
    kind, text = _typed(value.replace("\n", ""))
    while text.lower().startswith("rfc822;"):
        text = text[len("rfc822;") :].strip()
    if kind == "utf-8":
        text = _UTF8_CHARACTER.sub(_character, text)
    match = _ADDRESS.search(text)
    if match:
        return match[1].strip("'.,;")
    return text.strip("<> ") if kind in ("x400", "local", "unknown") else ""


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else match[0]
