"""`python -m mailroom.read_bounce FILE…`: what came back, one JSON line per file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from mailroom.bounces.read import read
from mailroom.causes.classify import classify
from mailroom.message import parse
from mailroom.report import Action, DeliveryReport


def main(argv: list[str]) -> int:
    for path in argv or _paths_from_stdin():
        print(json.dumps({"file": path, **_read(path)}, ensure_ascii=False))  # noqa: T201
    return 0


def _paths_from_stdin() -> Iterator[str]:
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        reading = read(parse(file.read()))
    return {"kind": reading.kind, "results": [_as_json(report) for report in reading.reports]}


def _as_json(report: DeliveryReport) -> dict[str, Any]:
    return {
        "recipient": report.recipient,
        "action": report.action.value,
        "class": ("5" if report.permanent else "4") if report.action in (Action.FAILED, Action.DELAYED) else "",
        "status": str(report.status or ""),
        "reply_code": str(report.reply_code or ""),
        "cause": classify(report).cause,
        "diagnostic": report.diagnostic,
        "remote_mta": report.remote_mta,
        "feedback_type": report.feedback_type,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
