"""Every failure that the played internet knows ends in the right words on the ticket, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.html import escape
from tests.world import World, make_world

from answerback.core import clock
from answerback.desk import delivery_events
from answerback.inbound import process
from answerback.outbound import envelopes, lifecycle
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.outbound.told import Outcome
from answerback.people import identities
from answerback.sandbox import reactions
from answerback.sandbox.demo_desk import servers
from answerback.sandbox.fates import FATES, Fate, Form, Reaction, fate_of
from answerback.sandbox.reactions import Taken
from answerback.store import raw
from mailroom.causes import catalogue
from mailroom.report import Stage

# What our client meets in the names of `sandbox.names`: fate domain -> line of a story
NAMES = {
    "anna@nodomain.sandbox.test": "dns: no_domain",
    "anna@nullmx.sandbox.test": "dns: null_mx",
    "anna@servfail.sandbox.test": "dns: dns",
    "anna@noserver.sandbox.test": "connect: unreachable",
}
CAUSES = {
    "unknown": "address_unknown", "disabled": "mailbox_disabled", "moved": "address_moved",
    "nocode": "address_unknown", "syntax": "address_syntax", "full": "mailbox_full", "quota": "mailbox_full",
    "spam": "spam_content", "toobig": "message_too_big", "virus": "content_refused", "attachment": "content_refused",
    "policy": "policy_refused", "dmarc": "auth_policy", "blocked": "reputation", "members": "recipient_restricted",
    "partner": "policy_refused",  # the demo's own rule says more
    "relay": "relay_denied", "loop": "routing_loop", "tls": "tls_required", "noptr": "reverse_dns",
    "sender": "sender_refused", "protocol": "protocol_error", "greylist": "greylisted", "ratelimit": "rate_limited",
    "busy": "system_error", "down": "connection_failed", "maybe": "connection_failed",
    "bounce-later": "address_unknown", "bounce-full": "mailbox_full", "bounce-text": "address_unknown",
    "bounce-exim": "local_delivery", "bounce-sendmail": "expired", "bounce-exchange": "recipient_restricted",
    "bounce-gmail": "mailbox_disabled", "bounce-domino": "address_unknown", "bounce-japan": "mailbox_full",
    "bounce-bare": "unknown", "bounce-ses": "spam_content", "bounce-sieve": "recipient_restricted",
    "bounce-dropped": "provider_suppressed", "delay": "connection_failed", "complain": "complaint",
    "anna@nodomain.sandbox.test": "domain_unknown", "anna@nullmx.sandbox.test": "domain_no_mail",
    "anna@servfail.sandbox.test": "dns_failure", "anna@noserver.sandbox.test": "connection_failed",
}  # fmt: skip


def test_there_are_enough_causes_and_forms() -> None:
    assert len(set(CAUSES.values())) >= 25
    others = {Reaction.DELAY, Reaction.DELIVERED, Reaction.COMPLAINT, Reaction.RECEIPT}
    assert len(set(Form)) + len(others) >= 10
    assert {fate.form for fate in FATES.values()} == set(Form)


@pytest.fixture
def world(db: None, data_dir: object, settings: object) -> World:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"  # type: ignore[attr-defined]
    return make_world()


def answered(world: World) -> Sequence[Delivery]:
    """An answer that goes to everybody the table knows, one after the other so that nothing is capped."""
    names = [name if "@" in name else f"{name}@shop.sandbox.test" for name in CAUSES]
    ticket = world.ticket(ccs=[identities.find_or_create(address, address, "en").person for address in names])
    world.answer(ticket)
    return list(Delivery.objects.exclude(person=world.clara).order_by("id"))


def meet(row: Delivery) -> None:
    """One try of the delivery, and what comes back."""
    line, fate = NAMES.get(row.recipient), fate_of(row.recipient)
    said = line or _line(fate).format(rcpt=row.recipient, domain="shop.sandbox.test")
    envelope = envelopes.load([row.pk])[0]
    attempts = lifecycle.claim([row.pk], "test", clock.now() + timedelta(minutes=15))
    report = servers.what_is_said(said, row.recipient)
    lifecycle.record([Outcome(row.pk, report, "test", attempts[row.pk], next_hop_is_final=True)])
    if line is None:
        sent = reactions.react(Taken(row.recipient, envelope.mail_from, envelope.content, fate, clock.now()))
        for mail in sent[:1]:  # a delay; that it arrives after all is another test
            kept = raw.save(mail.content, doorway="smtp", envelope_from=mail.mail_from, envelope_to=[mail.recipient])
            process.process(kept.pk)


def _line(fate: Fate) -> str:
    if fate.drop:
        return f"{Stage.DOT if fate.stage == 'dot' else Stage.RCPT}: lost"
    return f"{fate.stage}: {fate.reply}" if fate.reply else servers.ACCEPTED.format(queue_id="4F")


def test_each_ends_in_the_right_words(world: World, client: Client) -> None:
    rows = answered(world)
    assert len(rows) == len(CAUSES)
    for row in rows:
        meet(row)
    delivery_events.react()

    found = {row.recipient: _cause(row) for row in rows}
    assert found == {name if "@" in name else f"{name}@shop.sandbox.test": cause for name, cause in CAUSES.items()}
    for account, language in ((world.ada, "en"), (world.bruno, "de")):
        client.force_login(account)
        for key, row in {found[row.recipient]: row for row in rows}.items():
            page = client.get(f"/deliveries/{row.pk}/card", headers={"HX-Request": "true"}).text
            if key != "complaint":
                assert escape(catalogue.load().cause(key).sentence[language]) in page, (row.recipient, language)


def _cause(row: Delivery) -> str:
    return DeliveryEvent.objects.filter(delivery=row).exclude(cause="").latest("id").cause
