"""`python -m mailroom.read_bounce FILE…`: what came back, one JSON line per file.

Paths stand on the command line, or on standard input as JSON strings, one a line. Neither database nor settings are
needed. The line is `{"file", "kind", "results": [...]}`; the kinds are those of `_KINDS`, and a file that cannot be
read has `"error"` in place of both. A mail that is no report of delivery has its kind as the cause of its one result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mailroom.bounces.read import read
from mailroom.causes.classify import classify
from mailroom.message import Mail, parse
from mailroom.report import Action, DeliveryReport
from mailroom.sorting import Kind, sort

_KINDS: Final = {
    Kind.DELIVERY_REPORT: "bounce",  # or delay, or delivered: the reading tells
    Kind.FEEDBACK_REPORT: "feedback",
    Kind.READ_RECEIPT: "mdn",
    Kind.CHALLENGE: "challenge",
    Kind.AUTO_REPLY: "autoreply",
    Kind.UNSUBSCRIBE: "feedback",
    Kind.BULK: "ordinary",
    Kind.MAIL: "ordinary",
}
_READ: Final = frozenset({Kind.DELIVERY_REPORT, Kind.FEEDBACK_REPORT, Kind.UNSUBSCRIBE})
_ANSWERS: Final = frozenset({Kind.READ_RECEIPT, Kind.CHALLENGE, Kind.AUTO_REPLY})


def main(argv: Sequence[str]) -> int:
    """0, or 1 if a file could not be opened."""
    failed = False
    for path in argv or _paths(sys.stdin):
        line = _line(path)
        failed = failed or "error" in line
        print(json.dumps(line, ensure_ascii=False))  # noqa: T201 (this is what the command is for)
    return int(failed)


def _paths(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.strip():
            yield str(json.loads(line))


def _line(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        return {"file": path, "error": error.strerror or str(error)}
    mail = parse(raw)
    reading = read(mail)
    kind = sort(mail, None, reading)
    reports = reading.reports if kind in _READ else []
    return {
        "file": path,
        "kind": (reading.kind if reports else "") or _KINDS[kind],
        "results": _answer(mail, _KINDS[kind]) if kind in _ANSWERS else [_result(report) for report in reports],
    }


def _answer(mail: Mail, cause: str) -> list[dict[str, Any]]:
    """Of a mail that answers ours but reports no delivery: who answered, and how."""
    return [{"recipient": mail.from_.spec if mail.from_ else "", "action": "", "cause": cause}]


def _result(report: DeliveryReport) -> dict[str, Any]:
    return {
        "recipient": report.recipient,
        "action": report.action.value,
        "class": _class(report),
        "status": str(report.status or ""),
        "reply_code": str(report.reply_code or ""),
        "cause": classify(report).cause,
        "diagnostic": report.diagnostic,
        "remote_mta": report.remote_mta,
        "feedback_type": report.feedback_type,
        "origins": report.told_from,
    }


def _class(report: DeliveryReport) -> str:
    """RFC 3463 §3.1; of a delay always 4, whatever the last reply was."""
    if report.action is Action.FAILED:
        return "5" if report.permanent else "4"
    return {Action.DELAYED: "4", Action.COMPLAINT: ""}.get(report.action, "2")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
