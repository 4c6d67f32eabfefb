"""What goes on the wire: commands with the parameters that were announced, messages that cannot smuggle."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailroom.smtp.trouble import Fault
from mailroom.smtp.wire import BLOCK, Envelope, blocks, compose_opening, size_limit

ALL = {"SIZE": "1000", "8BITMIME": "", "SMTPUTF8": "", "DSN": ""}
ASCII = Envelope(7, "b-1@acme.example", "clara@kunde.example", b"x\r\n")


@pytest.mark.parametrize(
    ("envelope", "announced", "mail", "rcpt"),
    [
        (ASCII, {}, "MAIL FROM:<b-1@acme.example>", "RCPT TO:<clara@kunde.example>"),
        (
            ASCII,
            ALL,
            "MAIL FROM:<b-1@acme.example> SIZE=3 RET=HDRS ENVID=7",
            "RCPT TO:<clara@kunde.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;clara@kunde.example",
        ),
        (Envelope(7, "", "a@b.example", b"x"), {"DSN": ""}, "MAIL FROM:<>", "RCPT TO:<a@b.example>"),
        (
            Envelope(7, "b@acme.example", "a+b=c@müller.example", b"x"),
            {"DSN": "", "SMTPUTF8": ""},
            "MAIL FROM:<b@acme.example> RET=HDRS ENVID=7",
            "RCPT TO:<a+b=c@xn--mller-kva.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@xn--mller-kva.example",
        ),
        (
            Envelope(7, "b@acme.example", "josé@b.example", b"x"),
            {"DSN": "", "SMTPUTF8": "", "8BITMIME": ""},
            "MAIL FROM:<b@acme.example> SMTPUTF8 RET=HDRS ENVID=7",
            "RCPT TO:<josé@b.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;jos\\x{E9}@b.example",
        ),
        (
            Envelope(7, "b@acme.example", "a@[127.0.0.1]", "ü".encode()),
            {"8BITMIME": ""},
            "MAIL FROM:<b@acme.example> BODY=8BITMIME",
            "RCPT TO:<a@[127.0.0.1]>",
        ),
    ],
)
def test_commands(envelope: Envelope, announced: dict[str, str], mail: str, rcpt: str) -> None:
    assert compose_opening(envelope, announced, 0) == (f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode(), b"DATA\r\n")


@pytest.mark.parametrize(
    ("sender", "recipient", "size", "announced", "max_size", "fault"),
    [
        ("a@b.example", "c@d.example", 1000, {"SIZE": "1000"}, 0, None),
        ("a@b.example", "c@d.example", 1001, {"SIZE": "1000"}, 0, Fault.TOO_BIG),
        ("a@b.example", "c@d.example", 1001, {"SIZE": "0"}, 0, None),
        ("a@b.example", "c@d.example", 1001, {"SIZE": "lots"}, 0, None),
        ("a@b.example", "c@d.example", 1001, {"SIZE": "2000"}, 1000, Fault.TOO_BIG),
        ("a@b.example", "é@d.example", 9, {}, 0, Fault.NEEDS_SMTPUTF8),
        ("é@b.example", "c@d.example", 9, {}, 0, Fault.NEEDS_SMTPUTF8),
        ("a@b.example", "no-at", 9, {}, 0, Fault.BAD_RECIPIENT),
        ("a@b.example", "c@d.example>\r\nRCPT TO:<e@f.example", 9, {}, 0, Fault.BAD_RECIPIENT),
        ("a@b.example", "c@d.example> NOTIFY=NEVER", 9, {}, 0, Fault.BAD_RECIPIENT),
        ("a@b.example", "c d@e.example", 9, {}, 0, Fault.BAD_RECIPIENT),
        ("a@b.example", '"c d"@e.example', 9, {}, 0, None),
        ("a@b.example", "c@[IPv6:2001:db8::1]", 9, {}, 0, None),
        ("a@b.example", "c@[localhost]", 9, {}, 0, Fault.BAD_RECIPIENT),
        ("a@b.example", "c" * 250 + "@e.example", 9, {}, 0, Fault.BAD_RECIPIENT),
        ("a b@c.example", "c@d.example", 9, {}, 0, Fault.BAD_SENDER),
    ],
)
def test_what_a_server_cannot_get(
    sender: str, recipient: str, size: int, announced: dict[str, str], max_size: int, fault: Fault | None
) -> None:
    found = compose_opening(Envelope(1, sender, recipient, b"x" * size), announced, size_limit(announced, max_size))
    assert found is fault if fault else isinstance(found, tuple)


def test_eight_bit_content_needs_a_server_for_it() -> None:
    assert compose_opening(Envelope(1, "a@b.example", "c@d.example", b"\xff"), {}, 0) is Fault.NEEDS_8BITMIME


def received(content: bytes) -> bytes:
    """What a strict server takes out of the octets on the wire."""
    wire = b"".join(blocks(content))
    assert wire.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", wire)
    lines = wire.split(b"\r\n")
    assert b"." not in lines, "the end of data inside of it"
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


SMUGGLED = [b"a\n.\nMAIL FROM:<x>\n", b"a\n.\r\nb", b"a\r.\rb", b"a\r\n.\rb", b"a\r.\r\nb", b".\r\n", b"a\r\n\0.\r\nb"]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from([b"\r", b"\n", b".", b"\0", b"a"])).map(b"".join)))
@example(b"\r\n" + b"." * (BLOCK + 5))
def test_any_content_arrives_and_ends_only_once(content: bytes) -> None:
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content).replace(b"\0", b"")
    assert received(content) == (lines if lines.endswith(b"\r\n") else lines + b"\r\n")


@pytest.mark.parametrize("content", SMUGGLED)
def test_wrong_ends_of_data_do_not_leave_us(content: bytes) -> None:
    received(content)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_address_ends_its_command(sender: str, recipient: str) -> None:
    commands = compose_opening(Envelope(1, sender, recipient, b"x"), ALL, 0)
    if not isinstance(commands, Fault):
        for command in commands:
            assert command.count(b"\r") == command.count(b"\n") == 1
            assert b">" not in command.partition(b"> ")[2]
