"""Replies: what counts as one, what is kept of it, and that nothing a server writes can hurt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.smtp.reply import LINES_LIMIT, TEXT_LIMIT, Reply, ReplyParser


def parse(*chunks: bytes) -> tuple[list[Reply], ReplyParser]:
    parser = ReplyParser()
    return [reply for chunk in chunks for reply in parser.feed(chunk)], parser


@pytest.mark.parametrize(
    ("octets", "code", "status", "text"),
    [
        (b"250 ok\r\n", 250, "None", "250 ok"),
        (b"250\r\n", 250, "None", "250"),
        (b"550 5.1.1 no such user\n", 550, "5.1.1", "550 5.1.1 no such user"),
        (b"550-5.1.1 one\r\n550-two\r\n550 three\r\n", 550, "5.1.1", "550-5.1.1 one\n550-two\n550 three"),
        (b"550-first\r\n550 5.7.1 second\r\n", 550, "5.7.1", "550-first\n550 5.7.1 second"),
        (b"550 4.2.2 class does not fit\r\n", 550, "None", "550 4.2.2 class does not fit"),
        (b"550 #5.1.0 Address rejected\r\n", 550, "5.1.0", "550 #5.1.0 Address rejected"),
        (b"550 10.0.0.5.1.1 listed\r\n", 550, "None", "550 10.0.0.5.1.1 listed"),
        ("550 5.1.1 Empfänger 收件人\r\n".encode(), 550, "5.1.1", "550 5.1.1 Empfänger 收件人"),
        ("550 5.1.1 Boîte\r\n".encode("latin-1"), 550, "5.1.1", "550 5.1.1 Boîte"),
        (b"550 a\x00b\x1b[31m\x7f\xe2\x80\xaec\r\n", 550, "None", "550 a\ufffdb\ufffd[31m\ufffd\ufffdc"),
    ],
)
def test_replies(octets: bytes, code: int, status: str, text: str) -> None:
    [reply], parser = parse(octets)
    assert (reply.code, str(reply.status), reply.text) == (code, status, text)
    assert not parser.broken
    assert not parser.midway


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b" 250 ok\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"250ok\r\n",
        b"150 preliminary\r\n",
        b"999 what\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"550-one\r\n250 other\r\n",
        b"550-" + b"x" * TEXT_LIMIT + b"\r\n550\rother\r\n",
        "２５０ ok\r\n".encode(),
        b"x" * 300_000,
        b"250-and so on\r\n" * 20_000,
    ],
)
def test_what_is_no_reply_ends_the_conversation(octets: bytes) -> None:
    replies, parser = parse(b"250 before\r\n", octets, b"250 after\r\n")
    assert [reply.text for reply in replies] == ["250 before"]
    assert parser.broken
    assert len(parser.broken) < 500


@pytest.mark.parametrize(
    "octets", [b"550 5.1.1 " + b"x" * 100_000 + b"\r\n", b"550-5.1.1 y\r\n" * 5_000 + b"550 5.1.1 end\r\n"]
)
def test_a_long_reply_keeps_its_code_and_the_beginning_of_its_text(octets: bytes) -> None:
    [reply], _ = parse(octets)
    assert (reply.code, str(reply.status)) == (550, "5.1.1")
    assert len(reply.text) <= TEXT_LIMIT
    assert len(reply.lines) <= LINES_LIMIT


def test_waiting_times_are_read_from_transient_replies_only() -> None:
    assert Reply(451, ("451 4.7.1 Greylisted, try again in 5 minutes",)).retry_after == 300
    assert Reply(550, ("550 5.7.1 Try again in 5 minutes",)).retry_after is None


def test_a_reply_cut_off_is_seen_as_begun() -> None:
    for octets in (b"550 5.1.1 tru", b"550-one\r\n"):
        replies, parser = parse(octets)
        assert not replies
        assert parser.midway


lines = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"").replace(b"\r", b"")), min_size=1)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_octets_in_any_pieces_give_the_same(octets: bytes, size: int) -> None:
    whole, parser = parse(octets)
    pieces, other = parse(*[octets[start : start + size] for start in range(0, len(octets), size)])
    assert pieces == whole
    assert other.broken == parser.broken
    for reply in whole:
        assert 200 <= reply.code <= 599
        assert "\0" not in reply.text
        reply.text.encode()


@given(st.integers(200, 599), lines)
def test_a_well_formed_reply_is_read_whole(code: int, texts: list[bytes]) -> None:
    octets = b"".join(b"%d-%s\r\n" % (code, text) for text in texts[:-1]) + b"%d %s\r\n" % (code, texts[-1])
    [reply, following], _ = parse(octets, b"250 next\r\n")
    assert (reply.code, following.text) == (code, "250 next")
    assert len(reply.lines) == min(len(texts), LINES_LIMIT)
