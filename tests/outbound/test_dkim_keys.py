"""Keys that sign: made, published, taken into use, replaced. DNS is a real server on the loopback."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import dkim
import dns.message
import dns.rcode
import dns.rrset
import pytest
from click.testing import CliRunner
from tests.outbound.conftest import Outbox

from answerback.cli import dkim as verb
from answerback.outbound import dkim_keys, envelopes
from answerback.outbound.models import DkimKey
from mailroom.compose import Composed
from mailroom.dkim_signing import Algorithm, body_hash, make_private_key, read_key, sign

Zone = dict[str, str]  # name with its last dot -> a zone file's text for its TXT record


@pytest.fixture
def zone(settings: object) -> Iterator[Zone]:
    """What DNS has; everything else does not exist."""
    records: Zone = {}

    class Answer(socketserver.DatagramRequestHandler):
        def handle(self) -> None:
            query = dns.message.from_wire(self.rfile.read())
            answer = dns.message.make_response(query)
            if text := records.get(str(query.question[0].name)):
                answer.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "TXT", text))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self.wfile.write(answer.to_wire())

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.RESOLVER = f"127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        yield records
        server.shutdown()
        thread.join()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(verb.command, arguments)
    return result.exit_code, result.output


def publish(zone: Zone, shown: str) -> None:
    """What an admin does with the lines that the command shows."""
    zone |= dict(re.findall(r"^(\S+) IN TXT (.+)$", shown, re.M))


def signatures(outbox: Outbox, zone: Zone) -> list[bool]:
    """dkimpy's word on each signature of a new answer."""
    [row, *_] = outbox()
    [envelope] = envelopes.load([row.pk])
    mail = dkim.DKIM(envelope.content)
    found = {name.encode(): text.replace('" "', "").strip('"').encode() for name, text in zone.items()}
    count = envelope.content.count(b"DKIM-Signature:")
    return [mail.verify(idx=one, dnsfunc=lambda name, timeout=5: found.get(name)) for one in range(count)]


def test_made_published_and_taken_into_use(outbox: Outbox, zone: Zone) -> None:
    code, shown = run("acme.test")
    assert code == 0
    assert shown.count("is NOT in DNS") == 2
    assert run("acme.test")[1] == shown  # shown again, not made again
    code, refused = run("acme.test", "--start")
    assert (code, "is not in DNS yet" in refused) == (1, True)
    assert signatures(outbox, zone) == []
    publish(zone, shown)
    code, started = run("acme.test", "--start")
    assert (code, started.count("signs mail, is in DNS")) == (0, 2)
    assert signatures(outbox, zone) == [True, True]


@pytest.mark.parametrize(
    ("published", "verifies"),
    [
        ("v=DKIM1; k=ed25519; p={p}", True),
        ("k=ed25519;p={p};", True),
        ("v=DKIM1; k=ed25519; t=y; s=email; h=sha1:sha256; n=ours; p={p}", True),
        ("v=DKIM1; p={p}", False),  # a key of RSA, where nothing else is said
        ("v=DKIM1; k=rsa; p={p}", False),
        (r"v=DKIM1\; k=ed25519\; p={p}", False),  # of a zone file, entered into a form
        ("v=DKIM1; k=ed25519; s=tlsrpt; p={p}", False),
        ("v=DKIM1; k=ed25519; p=", False),
        ("v=DKIM1", False),
    ],
)
def test_a_record_counts_where_signatures_can_be_verified_with_it(published: str, verifies: bool) -> None:
    key = read_key("acme.test", "e", make_private_key(Algorithm.ED25519))
    record = published.format(p=key.record.rpartition("p=")[2])
    mail = Composed(b"From: <support@acme.test>\r\nSubject: Hello\r\n", b"Hello.\r\n")
    signed = sign(mail, [key], datetime(2026, 11, 27, tzinfo=UTC), body_hash(mail.body))
    with suppress(dkim.DKIMException):  # dkimpy's way to say no, now and then
        assert dkim.verify(signed.octets, dnsfunc=lambda name, timeout=5: record.encode()) == verifies
    assert dkim_keys.is_record_of(key, [record]) == verifies


def test_a_key_serves_the_domains_below_its_own(outbox: Outbox, zone: Zone) -> None:
    publish(zone, run("test.example")[1])
    run("test.example", "--start")
    assert signatures(outbox, zone) == []  # acme.test is not below it
    current = dkim_keys.Signatures.current()
    assert set(current.keys) == {"test.example"}
    assert [key.domain for key in current.keys_of("help.acme.test.example")] == ["test.example"] * 2
    assert current.keys_of("nottest.example") == []


def test_new_keys_replace_the_old_ones_once_they_are_published(outbox: Outbox, zone: Zone) -> None:
    publish(zone, run("acme.test")[1])
    run("acme.test", "--start")
    old = {key.selector for key in dkim_keys.keys_in_use("acme.test")}
    shown = run("acme.test", "--renew")[1]
    assert shown.count("signs mail, is in DNS") == shown.count("does not sign yet, is NOT in DNS") == 2
    assert {key.selector for key in dkim_keys.keys_in_use("acme.test")} == old
    publish(zone, shown)
    assert run("acme.test", "--start")[0] == 0
    assert {key.selector for key in dkim_keys.keys_in_use("acme.test")}.isdisjoint(old)
    assert signatures(outbox, zone) == [True, True]


def test_stopped_it_signs_no_more_and_the_keys_are_kept(outbox: Outbox, zone: Zone) -> None:
    publish(zone, run("acme.test")[1])
    run("acme.test", "--start")
    run("acme.test", "--stop")
    assert signatures(outbox, zone) == []
    run("acme.test", "--start")
    assert signatures(outbox, zone) == [True, True]


def test_a_record_that_has_gone_from_dns_is_told(db: None, zone: Zone) -> None:
    publish(zone, run("acme.test")[1])
    run("acme.test", "--start")
    zone.clear()
    code, shown = run()
    assert (code, shown.count("signs mail, is NOT in DNS")) == (1, 2)


def test_nothing_yet_and_no_domain(db: None) -> None:
    assert run() == (0, "No keys yet. `answerback dkim example.com` makes some.\n")
    code, said = run("not a domain")
    assert (code, "is not a domain" in said) == (2, True)


def test_a_batch_reads_the_keys_once(outbox: Outbox, zone: Zone, django_assert_num_queries: object) -> None:
    publish(zone, run("acme.test")[1])
    run("acme.test", "--start")
    rows = [row.pk for row in outbox()]
    with django_assert_num_queries(4):  # type: ignore[operator]  # copies, bodies, both kinds of key
        envelopes.load(rows)


def stored() -> list[bytes]:
    return [bytes(private) for private in DkimKey.objects.order_by("id").values_list("private", flat=True)]


@pytest.mark.django_db
def test_private_keys_lie_sealed_also_those_of_before(settings: Any) -> None:
    dkim_keys.make("acme.test")
    records = [key.record for key in dkim_keys.keys_waiting("acme.test")]
    assert [private.startswith(b"sealed:") for private in stored()] == [True, True]
    DkimKey.objects.update(private=make_private_key(Algorithm.ED25519))
    plain = [key.record for key in dkim_keys.keys_waiting("acme.test")]
    assert plain != records
    dkim_keys.seal_anew()
    assert [private.startswith(b"sealed:") for private in stored()] == [True, True]
    assert [key.record for key in dkim_keys.keys_waiting("acme.test")] == plain


@pytest.mark.django_db
def test_a_key_that_nothing_opens_signs_nothing_and_is_named_and_not_lost(settings: Any) -> None:
    dkim_keys.make("acme.test")
    right, before = settings.SECRET_KEY, stored()
    assert not dkim_keys.unreadable()
    settings.SECRET_KEY = "another key " * 5
    DkimKey.objects.filter(selector__endswith="e").delete()
    dkim_keys.make("other.test")
    dkim_keys.seal_anew()
    [lost] = dkim_keys.unreadable()
    assert lost.endswith("._domainkey.acme.test")
    settings.SECRET_KEY = right
    assert stored()[0] == before[0]
    assert len(dkim_keys.keys_waiting("acme.test")) == 1
