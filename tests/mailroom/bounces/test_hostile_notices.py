"""Readers answer any bytes, and in time that grows with the size of the mail and no faster."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.mailroom.growth import TIMES, assert_grows_no_faster

from mailroom.bounces.read import Reading, read
from mailroom.message import parse
from mailroom.report import Action

CORPUS = Path(__file__).parents[2] / "corpus" / "bounces"
SAMPLES = [path.read_bytes() for path in sorted(CORPUS.rglob("*.eml"))]
HEAD = b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: a@shop.example\nSubject: Delivery failure\n"
SIZES = (400_000 // TIMES, 400_000)
REPORT = HEAD + b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'

# Pieces that mean something to the readers, so that random text gets somewhere.
PIECES = st.sampled_from(
    [
        *(
            b"Final-Recipient: rfc822;",
            b"Action: failed",
            b"Status: ",
            b"Diagnostic-Code: smtp; ",
            b"Feedback-Type: abuse\n",
        ),
        *(b"a@b.example", b"<a@b.example>:", b"550 5.1.1 ", b"421", b"said: ", b">>> RCPT To:<", b"<<< 550"),
        *(b"could not be delivered", b"following recipients:", b"will be retried", b"----- Original message -----\n"),
        *(
            b"--b\n",
            b"Content-Type: message/delivery-status\n\n",
            b"Content-Type: message/disposition-notification\n\n",
            b"Disposition: automatic-action/MDN-sent-automatically; deleted\n",
            b"automatically rejected",
            b"Received: ",
            b'{"notificationType":"Bounce","bounce":',
            b'{"RecordType":"Bounce","Email":"a@b.example","Details":',
            b'[{"sg_event_id":1,"event":"bounce","email":"a@b.example","reason":"550 no"',
            b'{"event-data":{"event":"failed","recipient":"a@b.example","delivery-status":{"code":550}',
        ),
        *(b"\n\n", b"\n", b"\n    ", b"\xe2\x80\xa8", b"\x85", b"\x1b$B", b"\xff", b"(", b"[", b'"', b"}", b"[]"),
    ]
)


@given(st.binary(max_size=2000))
def test_any_octets_are_read(raw: bytes) -> None:
    assert isinstance(read(parse(raw)), Reading)


@given(st.sampled_from([HEAD + b"\n", REPORT]), st.lists(PIECES | st.binary(max_size=20), max_size=60))
def test_any_mixture_of_what_readers_look_for_is_read(head: bytes, pieces: list[bytes]) -> None:
    reading = read(parse(head + b"".join(pieces)))
    assert all(report.status is None or report.status.class_ in (2, 4, 5) for report in reading.reports)
    assert all(report.reply_code is None or 400 <= report.reply_code < 560 for report in reading.reports)
    assert bool(reading.kind) == bool(reading.reports)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAMPLES), st.data())
def test_a_torn_sample_is_read(raw: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, len(raw)))
    filling = data.draw(st.binary(max_size=40))
    assert isinstance(read(parse(raw[:start] + filling + raw[end:])), Reading)


@given(st.sampled_from(SAMPLES))
def test_no_code_is_made_up(raw: bytes) -> None:
    """Every status and reply code of a report stands in the mail, be it in base64."""
    mail = parse(raw)
    text = "\n".join([mail.text, *(part.text for part in mail.parts)])
    for report in read(mail).reports:
        assert report.status is None or str(report.status) in text
        assert report.reply_code is None or str(report.reply_code) in text
        if report.action is Action.COMPLAINT:
            assert report.status is None


BLOWN_UP = {
    "addresses": b"a@b.example ",
    "address lines": b"<a%d@b.example>:\n",
    "one long word": b"a",
    "angle brackets": b"<",
    "at signs": b"@",
    "failing paragraphs": b"could not be delivered to a@b.example and 550 not.\n\n",
    "one failing paragraph": b"could not be delivered to a@b.example and 550 not.\n",
    "headers": b"Received: x\n",
    "breaks": b"--- Original message ---\n",
    "colons": b"following recipients:\n",
    "status fields": b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n",
    "folded lines": b" \n ",
    "codes": b"550 5.1.1 ",
    "dots": b"5.1.",
    "quotes": b"> ",
    "transcript": b">>> RCPT To:<a@b.example>\n<<< 550 no\n",
    "blanks": b" ",
    "brackets": b"[[[(((",
    "tags": b"<style><p <!-- ",
    "json": b'{"notificationType":',
    "lists in json": b'[{"sg_event_id":[',
    "events in json": b'[{"event-data":{"event":"failed","recipient":"a@b.example","delivery-status":{"code":550}}},',
}


@pytest.mark.parametrize(
    "head", [HEAD + b"\n", REPORT + b"--b\n\n", HEAD + b"Content-Type: text/html\n\n"], ids=["text", "report", "html"]
)
@pytest.mark.parametrize("name", BLOWN_UP)
def test_size_costs_no_more_than_its_share(name: str, head: bytes) -> None:
    piece = BLOWN_UP[name]
    small, large = (
        parse(head + b"".join(piece.replace(b"%d", b"%d" % n) for n in range(size // len(piece)))) for size in SIZES
    )
    assert_grows_no_faster(read, small, large)


@pytest.mark.parametrize("name", BLOWN_UP)
def test_a_huge_delivery_status_part_costs_no_more_than_its_share(name: str) -> None:
    head = REPORT + b"--b\nContent-Type: message/delivery-status\n\n"
    small, large = (parse(head + (BLOWN_UP[name] * size)[:size] + b"\n--b--\n") for size in SIZES)
    assert_grows_no_faster(read, small, large)


def test_recipients_are_limited() -> None:
    lines = b"".join(b"<a%d@b.example>:\n550 no\n\n" % number for number in range(5000))
    assert len(read(parse(HEAD + b"\nUnable to deliver:\n\n" + lines)).reports) == 200
