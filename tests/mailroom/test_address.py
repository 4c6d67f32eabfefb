"""Reading, comparing and checking addresses."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mailroom.growth import assert_costs_its_share

from mailroom.address import (
    Address,
    ascii_domain,
    is_reserved,
    literal_ip,
    needs_smtputf8,
    normalise,
    parse_address,
    parse_addresses,
    syntax_problem,
)


@pytest.mark.parametrize(
    "field, expected",
    [
        ("clara@kunde.example", [("clara@kunde.example", "")]),
        ("<clara@kunde.example>", [("clara@kunde.example", "")]),
        (
            '"Weber, Clara" <clara@kunde.example>, b@x.example',
            [("clara@kunde.example", "Weber, Clara"), ("b@x.example", "")],
        ),
        ("a@x.example; b@y.example", [("a@x.example", ""), ("b@y.example", "")]),
        ("a@x.example (Clara (die erste) Weber)", [("a@x.example", "Clara (die erste) Weber")]),
        (
            "Team: a@x.example, B <b@y.example>;, c@z.example",
            [("a@x.example", ""), ("b@y.example", "B"), ("c@z.example", "")],
        ),
        ("undisclosed-recipients:;", []),
        ("<@relay.example,@other.example:u@z.example>", [("u@z.example", "")]),
        ("clara @ kunde.example", [("clara@kunde.example", "")]),
        ('"clara weber"@kunde.example', [('"clara weber"@kunde.example', "")]),
        ("=?utf-8?B?Q8OkcmE=?= <c@münchen.example>", [("c@münchen.example", "Cära")]),
        ('"=?iso-8859-1?Q?M=FCller?=" <m@x.example>', [("m@x.example", "Müller")]),
        ("'m@x.example' <m@x.example>", [("m@x.example", "m@x.example")]),
        ("Clara <clara@kunde.example", [("clara@kunde.example", "Clara")]),
        ("<a@x.example, b@y.example", [("a@x.example", ""), ("b@y.example", "")]),
        ("Kunde (GmbH <a@x.example>, b@y.example", [("a@x.example", "Kunde GmbH"), ("b@y.example", "")]),
        ("bank@trusted.example <evil@x.example>", [("evil@x.example", "bank@trusted.example")]),
        ("clara@kunde.example.", [("clara@kunde.example", "")]),
        ("a@b@c.example", []),
        ("<clara weber@kunde.example>", []),
        ("Clara", []),
        ("", []),
    ],
)
def test_the_mailboxes_of_a_field(field: str, expected: list[tuple[str, str]]) -> None:
    assert [(address.spec, address.name) for address in parse_addresses(field)] == expected


@pytest.mark.parametrize(
    "field",
    [
        "=?utf-8?q?a=40evil=2Eexample=2C?= <b@x.example>",
        "=?utf-8?q?x=0D=0ABcc:_e=40evil.example?= <b@x.example>",
        "=?utf-8?q?=22=3E_=3Ce=40evil.example=3E?= <b@x.example>",
    ],
)
def test_an_encoded_word_is_never_an_address_nor_a_line_end(field: str) -> None:
    (address,) = parse_addresses(field)
    assert address.spec == "b@x.example"
    assert address.name.isprintable()


def test_names_show_nothing_that_turns_the_reading() -> None:
    assert parse_addresses("\u202eelpmaxe.knab@ofni\u202c <b@x.example>")[0].name == "elpmaxe.knab@ofni"


@pytest.mark.parametrize(
    "spec", ["a\r\nb@x.example", "a@x.example\u2028", "a\u200b@x.example", "a@x\u202e.example", "a\x00@x.example"]
)
def test_what_hides_or_breaks_lines_is_no_address(spec: str) -> None:
    assert all(set(address.spec).isdisjoint("\r\n\x00\u2028\u200b\u202e") for address in parse_addresses(spec))


@pytest.mark.parametrize(
    "spec, key",
    [
        ("Clara@Kunde.Example", "clara@kunde.example"),
        ("clara@MÜNCHEN.example", "clara@xn--mnchen-3ya.example"),
        ("clara@xn--mnchen-3ya.example", "clara@xn--mnchen-3ya.example"),
        ("JÜRGEN@x.example", "jürgen@x.example"),
        ("no address", "no address"),
    ],
)
def test_two_addresses_are_the_same_by_their_key(spec: str, key: str) -> None:
    assert normalise(spec) == key


@pytest.mark.parametrize(
    "domain, expected",
    [
        ("Kunde.Example.", "kunde.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("a_b.example", "a_b.example"),
        ("[192.0.2.1]", None),
        ("-a.example", None),
        ("a..example", None),
        ("x" * 64 + ".example", None),
        ("\u0301.example", None),
        ("", None),
    ],
)
def test_domains_as_a_labels(domain: str, expected: str | None) -> None:
    assert ascii_domain(domain) == expected


@pytest.mark.parametrize(
    "domain, address",
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:DB8::1]", "2001:db8::1"),
        ("[ipv6:::1]", "::1"),  # a lane's name is in lower case
        *(("[2001:db8::1]", None), ("[IPv6:192.0.2.1]", None), ("[IPv6:fe80::1%eth0]", None), ("[IPv6:]", None)),
        *(("[192.0.2]", None), ("[192.0.2.256]", None), ("[3221225985]", None), ("[192.0.2.1/32]", None)),
        *(("[localhost]", None), ("[a..b]", None), ("[...]", None), ("[]", None), ("[ 192.0.2.1]", None)),
        *(("192.0.2.1", None), ("[192.0.2.1", None), ("[192.0.2.1]]", None), ("kunde.example", None), ("", None)),
    ],
)
def test_addresses_that_literals_name(domain: str, address: str | None) -> None:
    assert literal_ip(domain) == address


@given(st.text())
def test_no_literal_is_a_name(text: str) -> None:
    for inside in (text, f"IPv6:{text}"):
        found = literal_ip(f"[{inside}]")
        assert found is None or ip_address(found)


def test_a_sender_in_brackets_is_read_whatever_they_hold() -> None:
    """What speaks against the address is said where it is checked; a mail without a sender could not even be shown."""
    assert [address.spec for address in parse_addresses("clara@[a..b]")] == ["clara@[a..b]"]


@pytest.mark.parametrize(
    "domain, reserved",
    [
        *(
            ("test", True),
            ("a.sandbox.test", True),
            ("www.EXAMPLE.org", True),
            ("localhost", True),
            ("x.home.arpa", True),
        ),
        *(("contest", False), ("myexample.org", False), ("kunde.de", False), ("", False)),
    ],
)
def test_reserved_names(domain: str, reserved: bool) -> None:
    assert is_reserved(domain) is reserved


@pytest.mark.parametrize(
    "spec, needed", [("jürgen@x.example", True), ("j@münchen.example", False), ("j@x.example", False)]
)
def test_only_the_local_part_needs_smtputf8(spec: str, needed: bool) -> None:
    assert needs_smtputf8(spec) is needed


@pytest.mark.parametrize(
    "spec, problem",
    [
        ("clara@kunde.example", None),
        ("clara+4711@kunde.example", None),
        ("o'neil@kunde.example", None),
        ('"clara weber"@kunde.example', None),
        ("jürgen@münchen.example", None),
        ("clara@[192.0.2.1]", None),
        ("clara@[IPv6:2001:db8::1]", None),
        ("clara@[localhost]", "domain_literal"),
        ("clara@[a..b]", "domain_literal"),
        ("clara@[...]", "domain_literal"),
        ("clara@[" + "x" * 70 + "]", "domain_literal"),
        ("clara@[192.0.2.1", "domain_literal"),
        ("", "empty"),
        (" clara@kunde.example", "blank_around"),
        ("cl\tara@kunde.example", "control_character"),
        ("clara@kunde.example\r\nBcc: x@y.example", "control_character"),
        ("clara", "no_at"),
        ("@kunde.example", "no_local_part"),
        ("clara@", "no_domain"),
        ("clara@kunde@example.org", "two_at"),
        ("clara weber@kunde.example", "blank"),
        ("clara@kunde example", "blank"),
        (".clara@kunde.example", "local_part_dots"),
        ("clara..weber@kunde.example", "local_part_dots"),
        ("cla,ra@kunde.example", "local_part_character"),
        ("x" * 65 + "@kunde.example", "local_part_too_long"),
        ("clara@kunde..example", "domain_dots"),
        ("clara@" + "x" * 64 + ".example", "domain_too_long"),
        ("clara@ku!nde.example", "domain_character"),
        ("clara@localhost", "domain_without_dot"),
        ("clara@192.0.2.1", "domain_numeric"),
    ],
)
def test_what_is_wrong_with_a_typed_address(spec: str, problem: str | None) -> None:
    assert syntax_problem(spec) == problem


@given(st.text())
def test_no_text_makes_the_readers_raise(text: str) -> None:
    for address in parse_addresses(text):
        assert "\n" not in address.spec + address.name
        assert address.normal == normalise(address.spec)
    parse_address(text)
    syntax_problem(text)
    normalise(text)


SAFE = st.text("abcxyz0123456789-", min_size=1, max_size=20).filter(lambda text: text.strip("-") == text)


@given(SAFE, SAFE, st.text(max_size=30))
def test_an_address_is_found_beside_any_quoted_name(local: str, domain: str, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_addresses(f'"{quoted}" <{local}@{domain}.example>')[0].spec == f"{local}@{domain}.example"


@pytest.mark.parametrize("unit", ['"', "(", "<", "\\", '"\\', "@ ", " ", "(a", "=?a?q?", "a@b,", ";", ":"])
def test_hostile_fields_cost_no_more_than_their_share(unit: str) -> None:
    assert_costs_its_share(parse_addresses, unit)


def test_an_address_reads_as_people_write_it() -> None:
    assert str(Address("clara", "kunde.example", "Clara")) == "Clara <clara@kunde.example>"
    assert str(Address("clara", "kunde.example")) == "clara@kunde.example"
