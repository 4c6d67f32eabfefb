"""Octets to text, and encoded words."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mailroom.growth import assert_costs_its_share

from mailroom.charsets import clean_line, codec, decode, decode_base64, decode_words


@pytest.mark.parametrize(
    "label",
    [
        "zlib",
        "idna",
        "hex",
        "rot13",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "base64",
        "bz2",
        "undefined",
        "mbcs",
        "../x",
        "utf-8\x00",
    ],
)
def test_codecs_that_are_no_charsets_are_never_used(label: str) -> None:
    assert codec(label) is None
    assert decode(b"%\\u0041 xn--a", label)[0] == "%\\u0041 xn--a"


@pytest.mark.parametrize(
    "data, label, text, defect",
    [
        ("Grüße".encode(), "utf-8", "Grüße", ""),
        ("Grüße".encode(), "UTF_8", "Grüße", ""),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße", ""),
        (b"\x84Zitat\x93\x85", "iso-8859-1", "„Zitat“…", ""),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße", ""),
        ("Grüße".encode(), "", "Grüße", ""),
        ("Grüße".encode("cp1252"), "", "Grüße", ""),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße", "wrong_charset"),
        ("Grüße".encode(), "x-klingon", "Grüße", "unknown_charset"),
        (("ä" * 50).encode() + b"\xe4", "utf-8", "ä" * 50 + "\ufffd", "wrong_charset"),
        ("日本語".encode("iso2022_jp"), "iso-2022-jp", "日本語", ""),
        ("日本語".encode("iso2022_jp"), "", "日本語", ""),
        ("日本語①".encode("cp932"), "shift_jis", "日本語①", ""),
        ("中文".encode("gb18030"), "gb2312", "中文", ""),
        ("привет".encode("koi8-r"), "KOI8-R", "привет", ""),
        ("\ufeffText".encode(), "utf-8", "Text", ""),
        (b"+AOQ-", "utf-7", "ä", ""),
    ],
)  # fmt: skip
def test_octets_are_read_as_they_were_meant(data: bytes, label: str, text: str, defect: str) -> None:
    assert decode(data, label) == (text, defect)


@pytest.mark.parametrize(
    "raw, text",
    [
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?= an =?iso-8859-1?q?M=FCller?=", "Grüße an Müller"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?b?w7w=?=\t=?utf-8?b?w7w=?=", "üü"),
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),  # split inside a character
        ("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?Q?with blanks inside?=", "with blanks inside"),
        ("=?utf-8?Q?really??=", "really?"),
        ("=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),  # no padding
        ("=?utf-8?Q?no end", "no end"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?zlib?B?eJw=?=", "xœ"),
        ("=?utf-8?Q?a=0D=0ABcc:_b?=", "a Bcc: b"),
        ("a =? b", "a =? b"),
    ],
)
def test_encoded_words(raw: str, text: str) -> None:
    assert decode_words(raw) == text


def test_a_line_is_one_line() -> None:
    assert clean_line("a\r\nb\x00\x1b\u2028c\u202ed\ud800") == "a b cd\ufffd"


@given(st.binary(), st.text(max_size=12))
def test_any_octets_have_a_text(data: bytes, label: str) -> None:
    assert isinstance(decode(data, label)[0], str)


@given(st.text())
def test_any_field_has_a_line(text: str) -> None:
    line = decode_words(text)
    assert clean_line(line) == line
    line.encode()


@given(st.binary(), st.binary(max_size=5))
def test_base64_is_read_through_rubbish(data: bytes, rubbish: bytes) -> None:
    encoded = base64.encodebytes(data)
    assert decode_base64(encoded) == data
    decode_base64(rubbish + encoded)


@pytest.mark.parametrize("unit", ["=?a?q?", "=?a?q?b?=", "=?", "=?utf-8?b?", "?=", "=?a?q?x?= "])
def test_hostile_words_cost_no_more_than_their_share(unit: str) -> None:
    assert_costs_its_share(decode_words, unit)
