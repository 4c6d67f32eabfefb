"""Reading messages, the broken ones above all. The samples in tests/corpus/hostile were written for this test."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mailroom.growth import TIMES, assert_grows_no_faster

from mailroom.message import FILE_NAME_MAX, Limits, Mail, clean_file_name, parse

HOSTILE = Path(__file__).parent.parent / "corpus" / "hostile"
FROM = "From: Clara Weber <clara@kunde.example>\n"


def sample(name: str) -> Mail:
    return parse((HOSTILE / f"{name}.eml").read_bytes())


def leaf(content_type: str, body: str, *fields: str) -> str:
    return "\n".join([f"Content-Type: {content_type}", *fields, "", body])


def multipart(kind: str, *entities: str) -> str:
    boundary = f"b{kind}{len(entities)}"
    parts = "".join(f"--{boundary}\n{entity}\n" for entity in entities)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{parts}--{boundary}--\n"


def mail(entity: str, *fields: str) -> Mail:
    return parse((FROM + "".join(f"{field}\n" for field in fields) + entity).encode())


# Fields


def test_the_fields_of_an_ordinary_mail() -> None:
    read = mail(
        "\nGuten Tag\n",
        "Sender: Buero <buero@kunde.example>",
        "To: support@hilfe.example, B <b@x.example>",
        "Cc: c@x.example",
        "Reply-To: chef@kunde.example",
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n aus Kiel",
        "Message-ID: <1@kunde.example>",
        "In-Reply-To: <a@hilfe.example>",
        "References: <a@hilfe.example>\n <b@hilfe.example>",
        "Date: Tue, 5 May 2026 12:01:00 +0200",
        "X-Note: one",
        "x-note: two",
    )
    assert str(read.from_) == "Clara Weber <clara@kunde.example>"
    assert str(read.sender) == "Buero <buero@kunde.example>"
    assert [address.spec for address in read.to] == ["support@hilfe.example", "b@x.example"]
    assert [address.spec for address in read.cc + read.reply_to] == ["c@x.example", "chef@kunde.example"]
    assert read.subject == "Grüße aus Kiel"
    assert (read.message_id, read.in_reply_to) == ("<1@kunde.example>", ["<a@hilfe.example>"])
    assert read.references == ["<a@hilfe.example>", "<b@hilfe.example>"]
    assert read.date == datetime(2026, 5, 5, 10, 1, tzinfo=UTC)
    assert (read.headers("X-NOTE"), read.header("X-None"), read.text) == (["one", "two"], "", "Guten Tag\n")
    assert read.defects == []


@pytest.mark.parametrize(
    "value",
    [
        *("", "never", "Fri, 31 Dec 9999 23:59:59 -2300", "Mon, 01 Jan 1900 00:00:00 -0000", "0" * 5000, "(" * 2000),
        *("Mon, 32 Foo 2024 25:61:61 +9999", "Tue, 5 May 2026 12:01:00 +99999999999999999999"),
    ],
)
def test_a_date_that_is_none(value: str) -> None:
    assert mail("\n", f"Date: {value}").date is None


@pytest.mark.parametrize(
    "field, found",
    [
        ("<a@x.example>", "<a@x.example>"),
        ("a@x.example", "<a@x.example>"),
        ("<a@x.example> (Kommentar)", "<a@x.example>"),
        ("", ""),
        ("<>", ""),
        ("ohne Klammern", ""),
        ("<" + "x" * 2000 + "@y.example>", ""),
    ],
)
def test_message_ids(field: str, found: str) -> None:
    assert mail("\n", f"Message-ID: {field}").message_id == found


def test_two_authors_are_noted() -> None:
    read = sample("13-two-senders")
    assert "several_from" in read.defects
    assert str(read.from_) == "clara@kunde.example"


def test_a_line_that_is_no_field_ends_the_header() -> None:
    read = sample("12-folded-junk")
    assert (read.subject, read.to, "header_end_missing" in read.defects) == ("a b c d", [], True)
    assert "kein Feld hier" in read.text


# Text and HTML

PLAIN = leaf("text/plain; charset=utf-8", "Guten Tag")
HTML = leaf("text/html", "<p>Guten <b>Tag</b></p>")
PDF = leaf('application/pdf; name="a.pdf"', "x")
ATTACHED = leaf("text/plain", "Log", "Content-Disposition: attachment")
IMAGE = leaf("image/png", "x", "Content-ID: <logo@x>", 'Content-Disposition: inline; filename="l.png"')


@pytest.mark.parametrize(
    "entity, text, html, names",
    [
        ("\nGuten Tag", "Guten Tag", "", []),
        (PLAIN, "Guten Tag", "", []),
        (HTML, "Guten Tag", "<p>Guten <b>Tag</b></p>", []),
        (multipart("alternative", PLAIN, HTML), "Guten Tag", "<p>Guten <b>Tag</b></p>", []),
        (multipart("mixed", PLAIN, PDF), "Guten Tag", "", ["a.pdf"]),
        (multipart("mixed", PDF, PLAIN), "Guten Tag", "", ["a.pdf"]),
        (multipart("mixed", PLAIN, PLAIN), "Guten Tag\nGuten Tag", "", []),
        (
            multipart("mixed", HTML, leaf("text/plain", "Liste & mehr")),
            "Guten Tag\nListe & mehr",
            "<p>Guten <b>Tag</b></p><p>Liste &amp; mehr</p>",
            [],
        ),
        (
            multipart("mixed", multipart("alternative", PLAIN, multipart("related", HTML, IMAGE)), PDF),
            "Guten Tag",
            "<p>Guten <b>Tag</b></p>",
            ["l.png", "a.pdf"],
        ),
        (
            multipart("alternative", PLAIN, multipart("mixed", HTML, PDF, leaf("text/html", "<p>Ende</p>"))),
            "Guten Tag",
            "<p>Guten <b>Tag</b></p><p>Ende</p>",
            ["a.pdf"],
        ),
        (multipart("alternative", PLAIN, leaf("text/calendar", "BEGIN")), "Guten Tag", "", ["invitation.ics"]),
        (multipart("alternative", PLAIN, leaf("text/x-amp-html", "<html amp>")), "Guten Tag", "", []),
        (multipart("mixed", PLAIN, ATTACHED), "Guten Tag", "", ["attachment.txt"]),
        (multipart("mixed", PLAIN, leaf("text/plain; name=log.txt", "Log")), "Guten Tag", "", ["log.txt"]),
        (leaf("text/plain; name=Mail", "Guten Tag"), "Guten Tag", "", []),
        (multipart("mixed", PLAIN, leaf("message/rfc822", "Subject: x\n\ny")), "Guten Tag", "", ["message.eml"]),
        (multipart("digest", "\nSubject: x\n\ny"), "", "", ["message.eml"]),
        (multipart("mixed", PLAIN, leaf("application/ms-tnef", "x")), "Guten Tag", "", ["winmail.dat"]),
        (leaf("", "Guten Tag"), "Guten Tag", "", []),
        (leaf("text", "Guten Tag"), "Guten Tag", "", []),
        (leaf("TEXT/Plain;;;", "Guten Tag"), "Guten Tag", "", []),
    ],
)  # fmt: skip
def test_text_html_and_attachments(entity: str, text: str, html: str, names: list[str]) -> None:
    read = mail(entity)
    assert (read.text.strip(), read.html, [part.file_name for part in read.attachments]) == (text, html, names)
    assert all(part in read.parts for part in read.attachments)


@pytest.mark.parametrize(
    "disposition, html, inline",
    [
        ("inline", "<p>Foto</p>", True),
        ("attachment", '<img src="cid:foto%40x">', True),
        ("attachment", "<img src=cid:foto@x>", True),
        ("attachment", "<p>Foto</p>", False),
    ],
)
def test_pictures_that_the_html_shows(disposition: str, html: str, inline: bool) -> None:
    image = leaf("image/jpeg", "x", "Content-ID: <foto@x>", f"Content-Disposition: {disposition}")
    (part,) = mail(multipart("related", leaf("text/html", html), image)).attachments
    assert (part.inline, part.content_id, part.file_name) == (inline, "foto@x", "image.jpg")


def test_a_file_is_never_inline() -> None:
    (part,) = mail(
        multipart("mixed", PLAIN, leaf("text/html; name=x.html", "x", "Content-Disposition: inline"))
    ).attachments
    assert not part.inline


def test_flowed_text_is_joined() -> None:
    body = "Dies ist \nein Absatz.\n> Zitat \n> geht weiter\n> Ende\n-- \nClara\n  eingerückt"
    assert mail(leaf("text/plain; charset=utf-8; format=flowed", body)).text == (
        "Dies ist ein Absatz.\n> Zitat geht weiter\n> Ende\n-- \nClara\n eingerückt"
    )
    assert mail(leaf("text/plain; charset=utf-8; format=flowed; delsp=yes", "Donau \ndampf")).text == "Donaudampf"


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_line_ends_make_no_difference(newline: bytes) -> None:
    raw = (FROM + "Subject: a\n b\n" + multipart("mixed", PLAIN, PDF)).encode()
    read, expected = parse(raw.replace(b"\n", newline)), parse(raw)
    assert (read.subject, read.text, read.parts) == (expected.subject, expected.text, expected.parts)


def test_control_characters_and_odd_line_ends_do_not_reach_the_text() -> None:
    read = sample("11-control-characters")
    assert read.text == "NUL , ESC [2J, NEL \n, LS \n Ende\n"
    assert read.subject == "ab Bcc: evil@x.example"


# Broken structure


@pytest.mark.parametrize(
    "name, text, names, defects",
    [
        ("01-no-header", "Guten Tag,\n\nhier fehlt alles.\n", [], ["header_missing", "from_missing"]),
        ("02-bare-cr", "Guten Tag\nZeile 2\n", [], ["bare_cr"]),
        ("03-mbox", ">From hier an\n", [], []),
        ("04-no-boundary", "Guten Tag", ["a.pdf"], ["boundary_missing"]),
        ("05-boundary-not-in-body", "Nur Text, keine Teile.\n", [], ["boundary_not_found"]),
        ("06-not-closed", "Guten Tag", ["x.csv"], ["boundary_not_closed"]),
        ("08-torn-base64", "Guten TagGru", [], []),
        ("09-unknown-charset", "Grüße \\u0041\n", [], ["unknown_charset"]),
        ("10-raw-8bit-header", "Grüße\n", [], []),
        ("14-utf16-body", "Grüße", [], []),
    ],
)
def test_broken_mail_is_read_as_it_was_meant(name: str, text: str, names: list[str], defects: list[str]) -> None:
    read = sample(name)
    assert (read.text, [part.file_name for part in read.attachments], read.defects) == (text, names, defects)


def test_headers_in_eight_bits() -> None:
    read = sample("10-raw-8bit-header")
    assert (read.subject, str(read.from_)) == ("Grüße", "Clära Müller <clara@kunde.example>")


def test_a_boundary_used_twice_loses_no_part() -> None:
    read = sample("07-same-boundary-inside")
    assert ("Guten Tag" in read.text, "<p>Guten Tag</p>" in read.html) == (True, True)


@pytest.mark.parametrize(
    "encoding, body, content",
    [
        ("base64", "R3Ll3w==", b"Gr\xe5\xdf".replace(b"\xe5", b"\xe5")),
        ("BASE64", "R3V0\nZW4=", b"Guten"),
        ("base64", "R3V0ZW4=\nVGFn", b"GutenTag"),
        ("quoted-printable", "Gr=FC=DFe=\n!", b"Gr\xfc\xdfe!"),
        ("Quoted-Printable  ", "=ZZ=4", b"=ZZ=4"),
        ("x-uuencode", "begin 644 a\n%1W5T96X \n`\nend", b"Guten"),
        ("8bit", "Guten", b"Guten"),
        ("x-none", "Guten", b"Guten"),
    ],
)
def test_transfer_encodings(encoding: str, body: str, content: bytes) -> None:
    read = mail(leaf("application/octet-stream", body, f"Content-Transfer-Encoding: {encoding}"))
    assert read.parts[0].content == content


# Limits


def test_limits_stop_the_reading_and_say_so() -> None:
    many = multipart("mixed", *[PLAIN] * 20)
    raw = (FROM + many).encode()
    assert len(parse(raw, Limits(parts=20)).parts) == 20
    assert parse(raw, Limits(parts=20)).defects == []
    assert (len(parse(raw, Limits(parts=19)).parts), parse(raw, Limits(parts=19)).defects) == (19, ["too_many_parts"])
    assert "too_big" in parse(raw, Limits(size=len(raw) - 1)).defects
    assert "too_big" not in parse(raw, Limits(size=len(raw))).defects


def nested(depth: int) -> str:
    entity = PLAIN
    for level in range(depth):
        entity = f"Content-Type: multipart/mixed; boundary=x{level}y\n\n--x{level}y\n{entity}\n--x{level}y--\n"
    return FROM + entity


def test_the_depth_is_limited() -> None:
    at, beyond = (parse(nested(depth).encode(), Limits(depth=5)) for depth in (5, 6))
    assert (at.text.strip(), at.defects) == ("Guten Tag", [])
    assert (beyond.defects, [part.content_type for part in beyond.attachments]) == (["too_deep"], ["multipart/mixed"])


def test_headers_are_limited_in_number_and_size() -> None:
    raw = (FROM + "X: y\n" * 10 + "Subject: a\n\nText").encode()
    assert parse(raw, Limits(headers=12)).defects == []
    limited = parse(raw, Limits(headers=11))
    assert (limited.subject, limited.text, limited.defects) == ("", "Text", ["header_too_big"])
    big = (f"X: {'y' * 5000}\n{FROM}\nText").encode()
    limited = parse(big, Limits(header_octets=1000))
    assert (str(limited.from_), limited.defects) == ("Clara Weber <clara@kunde.example>", ["header_too_big"])


def test_a_text_too_long_to_show_is_kept_as_a_file() -> None:
    read = parse((FROM + "\n" + "x" * 100).encode(), Limits(text_octets=60))
    assert (len(read.text), len(read.attachments[0].content), read.defects) == (60, 100, ["text_too_big"])


BOMBS: dict[str, tuple[int, Callable[[int], str]]] = {
    "parts": (10_000, lambda n: FROM + multipart("mixed", *[PLAIN] * n)),
    "depth": (3000, nested),
    "messages in each other": (3000, lambda n: FROM + "Content-Type: message/rfc822\n\n" * n),
    "headers": (20_000, lambda n: FROM + "".join(f"X-H{i}: v\n" for i in range(n)) + "\nText"),
    "a header in one line": (1_000_000, lambda n: FROM + "X: " + "a" * n + "\n\nText"),
    "a header in many lines": (200_000, lambda n: FROM + "X: a" + "\n b" * n + "\n\nText"),
    "recipients": (5000, lambda n: FROM + "Cc: " + ", ".join(f"u{i}@x.example" for i in range(n)) + "\n\nText"),
    "semicolons": (100_000, lambda n: "Content-Type: text/plain" + "; a" * n + "\n\nText"),
    "quotes": (100_000, lambda n: 'Content-Type: text/plain; a="' + '\\"' * n + "\n\nText"),
    "sections": (40_000, lambda n: "Content-Type: text/plain;" + "".join(f" n*{i}=a;" for i in range(n)) + "\n\nText"),
    "delimiters on one line": (300_000, lambda n: "Content-Type: multipart/mixed; boundary=x\n\n" + "--x" * n),
    "the same boundary": (
        20_000,
        lambda n: (
            "Content-Type: multipart/mixed; boundary=x\n\n" + "--x\nContent-Type: multipart/mixed; boundary=x\n\n" * n
        ),
    ),
    "torn base64": (300_000, lambda n: "Content-Transfer-Encoding: base64\n\n" + "=a!" * n),
    "flowed": (200_000, lambda n: "Content-Type: text/plain; format=flowed\n\n" + "> a \n" * n),
}


@pytest.mark.parametrize(("count", "build"), BOMBS.values(), ids=BOMBS)
def test_bombs_cost_no_more_than_their_share(count: int, build: Callable[[int], str]) -> None:
    small, large = (build(times).encode() for times in (count // TIMES, count))
    assert parse(large).raw == large
    assert_grows_no_faster(parse, small, large)


# File names


@pytest.mark.parametrize(
    "name, clean",
    [
        ("Rechnung.pdf", "Rechnung.pdf"),
        ("Übersicht März (2).xlsx", "Übersicht März (2).xlsx"),
        ("=?utf-8?Q?=C3=9Cbersicht.pdf?=", "Übersicht.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Temp\\a.exe", "a.exe"),
        ("a/b\\c.txt", "c.txt"),
        ("a\u2215b\uff0fc.txt", "c.txt"),
        ("..", "attachment"),
        ("/", "attachment"),
        ("", "attachment"),
        (".htaccess", "htaccess"),
        ("\u200b.htaccess", "htaccess"),
        ("\u200b.\u200b./.\u202e.x", "x"),
        ("\u202egpj.exe", "gpj.exe"),
        ("a\r\nSet-Cookie: x.txt", "a Set-Cookie_ x.txt"),
        ("a\x00.pdf\x1b", "a.pdf"),
        ("a:b|c?d*e<f>g\"h.txt", "a_b_c_d_e_f_g_h.txt"),
        ("  a   b .txt. ", "a b .txt"),
        ("u\u0308.txt", "ü.txt"),
        ("x" * 300 + ".pdf", "x" * 176 + ".pdf"),
        ("x" * 300, "x" * 180),
        ("a." + "x" * 300, "a." + "x" * 178),
    ],
)  # fmt: skip
def test_file_names_fit_to_show(name: str, clean: str) -> None:
    assert clean_file_name(name) == clean


@pytest.mark.parametrize(
    "parameters, name",
    [
        ("filename=a.pdf", "a.pdf"),
        ('filename="a b; c.pdf"', "a b; c.pdf"),
        ("filename=a b.pdf", "a b.pdf"),
        ("filename*=utf-8''%C3%BC.pdf", "ü.pdf"),
        ("filename*=iso-8859-1'de'%FC.pdf", "ü.pdf"),
        ("filename=plain.pdf; filename*=utf-8''%C3%BC.pdf", "ü.pdf"),
        ("filename*0*=utf-8''%C3; filename*1*=%BC; filename*2=.pdf", "ü.pdf"),
        ("filename*1=b.pdf; filename*0=a", "ab.pdf"),
        ("filename*=a.pdf", "a.pdf"),
        ("filename*=zlib''%78%9c.pdf", "xœ.pdf"),
        ("filename*0=a; filename*1=../b.pdf", "b.pdf"),
        ("filename*=utf-8''..%2F..%2Fx.pdf", "x.pdf"),
        ('filename="=?utf-8?B?w7wucGRm?="', "ü.pdf"),
        ('filename="C:\\Temp\\a.pdf"', "a.pdf"),
        ('filename="a \\"b\\".pdf"', "a _b_.pdf"),
        ("filename=", "attachment.pdf"),
    ],
)
def test_file_names_as_they_are_sent(parameters: str, name: str) -> None:
    read = mail(
        multipart("mixed", PLAIN, leaf("application/pdf", "x", f"Content-Disposition: attachment; {parameters}"))
    )
    assert read.attachments[0].file_name == name


# Any octets

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@given(st.binary())
def test_parsing_never_raises(octets: bytes) -> None:
    for raw in (octets, FROM.encode() + octets, b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" + octets):
        read = parse(raw)
        assert "\0" not in read.text + read.html + read.subject
        (read.text + read.html + read.subject + str(read.from_)).encode()
        assert (read.date, read.references, read.raw)[2] == raw


PIECES = [
    *(b"Content-Type: ", b"multipart/mixed", b"; boundary=a", b"\n", b"\r", b"--a", b"--a--", b"text/html", b";", b" "),
    *(b"charset=", b"utf-16", b"Content-Transfer-Encoding: base64", b"\xff\xfe", b"=?utf-8?q?", b"?=", b'"', b"\0"),
    *(b"From: ", b"a@b.example", b"Content-Disposition: attachment; filename*0*=", b"message/rfc822"),
    *(b"format=flowed", b"> a "),
]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_parsing_never_raises_on_what_looks_like_mail(octets: bytes) -> None:
    read = parse(octets)
    assert all(part.file_name for part in read.attachments)
    assert str([replace(part, content=b"") for part in read.parts]).encode()
    assert [read.to, read.cc, read.message_id, read.in_reply_to, read.content_type]


@given(NAMES)
def test_file_names_have_no_separators_and_stay_as_they_are(name: str) -> None:
    clean = clean_file_name(name)
    assert 0 < len(clean) <= FILE_NAME_MAX
    assert not set(clean) & set('/\\\r\n\0:"')
    assert clean.isprintable()
    assert not clean.startswith(".")
    assert clean_file_name(clean) == clean


@given(NAMES, st.binary(max_size=200))
def test_files_come_back_from_the_standard_library(name: str, content: bytes) -> None:
    message = EmailMessage()
    message["From"] = "clara@kunde.example"
    message.set_content("Guten Tag")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename="x")
    raw = message.as_bytes().replace(b'"x"', b'"=?utf-8?B?' + b64encode(name.encode()) + b'?="')
    (part,) = parse(raw).attachments
    assert (part.content, part.file_name) == (content, clean_file_name(name))
