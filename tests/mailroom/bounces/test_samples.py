"""Every sample of tests/corpus/bounces reads as the file beside it says, whatever line ends it comes with."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mailroom.bounces.read import Reading, read
from mailroom.causes.classify import classify
from mailroom.message import parse
from mailroom.report import DeliveryReport
from mailroom.sorting import Kind, sort

CORPUS = Path(__file__).parents[2] / "corpus" / "bounces"
SAMPLES = sorted(CORPUS.rglob("*.eml"))


def shown(report: DeliveryReport, names: set[str]) -> dict[str, Any]:
    """Those fields of the report that the expectation names, in the types of TOML."""
    values = {
        "recipient": report.recipient,
        "action": report.action.value,
        "permanent": report.permanent,
        "status": str(report.status or ""),
        "reply_code": report.reply_code or 0,
        "remote_mta": report.remote_mta,
        "reporting_mta": report.reporting_mta,
        "feedback_type": report.feedback_type,
        "original_recipient": report.original_recipient,
        "expired": report.expired,
        "original_message_id": report.original_message_id,
        "cause": classify(report).cause,
    }
    return {name: values[name] for name in names}


def read_sample(raw: bytes) -> Reading:
    return read(parse(raw))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_sample_reads_as_expected(path: Path) -> None:
    wanted = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    reading = read_sample(path.read_bytes())

    expected = wanted.get("reports", [])
    assert reading.kind == wanted["kind"]
    assert [report.recipient for report in reading.reports] == [report["recipient"] for report in expected]
    for report, fields in zip(reading.reports, expected, strict=True):
        assert shown(report, set(fields)) == fields
    if "original_message_id" in wanted:
        assert reading.original_message_id == wanted["original_message_id"]
    assert reading.delivery_tokens == wanted.get("delivery_tokens", [])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_reports_something_is_sorted_as_a_report_and_nothing_else_is(path: Path) -> None:
    mail = parse(path.read_bytes())
    kind = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))["kind"]
    reporting = {Kind.FEEDBACK_REPORT, Kind.UNSUBSCRIBE} if kind == "feedback" else {Kind.DELIVERY_REPORT}
    assert (sort(mail, None) in reporting) is bool(kind)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"], ids=["crlf", "cr"])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_line_ends_change_nothing(path: Path, line_end: bytes) -> None:
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert read_sample(raw.replace(b"\n", line_end)) == read_sample(raw)


def test_every_sample_has_its_expectation() -> None:
    assert SAMPLES
    assert {path.with_suffix("") for path in SAMPLES} == {path.with_suffix("") for path in CORPUS.rglob("*.toml")}
