"""What each provider's events are taken for: the same facts, whoever tells them."""

from __future__ import annotations

import json
import logging

import pytest
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from hypothesis import given
from hypothesis import strategies as st
from tests.inbound.provider_calls import PROVIDERS, UNKNOWN_USER, Mail, body_of, told

from answerback.inbound import provider_events
from answerback.outbound import providers
from mailroom.causes.classify import classify
from mailroom.report import Action, DeliveryReport, Source

TOKEN = "a" * 40
MAIL = Mail(token=TOKEN, message_id="<t42.c7@acme.test>")
ACTIONS = {
    "bounced": Action.FAILED,
    "deferred": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "complained": Action.COMPLAINT,
    "unsubscribed": Action.COMPLAINT,
}
TELL_OF_UNSUBSCRIBING = set(PROVIDERS) - {"ses", "postmark", "resend"}


def read(provider: str, what: str, mail: Mail = MAIL, words: str = "") -> list[DeliveryReport]:
    return provider_events.read(provider, body_of(provider, [told(provider, what, mail, words)]))


def test_every_provider_is_known_everywhere() -> None:
    assert set(PROVIDERS) == set(providers.PROVIDERS)


@pytest.mark.parametrize(
    "provider, what",
    [(one, what) for one in PROVIDERS for what in ACTIONS if what != "unsubscribed" or one in TELL_OF_UNSUBSCRIBING],
)
def test_each_word_of_each_provider(provider: str, what: str) -> None:
    [report] = read(provider, what)
    assert (report.action, report.recipient, report.source) == (ACTIONS[what], MAIL.recipient, Source.WEBHOOK)
    assert (report.delivery_token, report.told_by) == (TOKEN, provider)
    assert report.feedback_type == {"complained": "abuse", "unsubscribed": "opt-out"}.get(what, "")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_failure_with_the_servers_words(provider: str) -> None:
    [report] = read(provider, "bounced")
    assert report.permanent
    assert (report.reply_code, str(report.status), classify(report).cause) == (550, "5.1.1", "address_unknown")
    assert "User unknown" in report.diagnostic


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_says_nothing_of_delivery(provider: str) -> None:
    assert read(provider, "opened") == []


@pytest.mark.parametrize("provider", ["mailjet", "sendgrid", "sparkpost"])
def test_many_in_one_call(provider: str) -> None:
    several = [Mail(f"customer{number}@customer.test", f"{number:040}") for number in range(1200)]
    body = body_of(provider, [told(provider, "delivered", mail) for mail in several])
    assert [report.delivery_token for report in provider_events.read(provider, body)] == [
        mail.token for mail in several
    ]


@pytest.mark.parametrize(
    "provider, event, permanent, cause",
    [
        ("brevo", {"event": "soft_bounce", "reason": "mailbox is full"}, False, "mailbox_full"),
        ("brevo", {"event": "blocked", "reason": "blocked : due to blacklist user"}, False, "provider_suppressed"),
        ("brevo", {"event": "invalid_email", "reason": "invalid domain"}, True, "domain_unknown"),
        ("mailjet", {"event": "blocked", "error": "preblocked", "comment": ""}, False, "provider_suppressed"),
        ("mailjet", {"event": "bounce", "hard_bounce": False, "error": "quota exceeded"}, False, "mailbox_full"),
        ("mailjet", {"event": "bounce", "hard_bounce": True, "error": "user unknown"}, True, "address_unknown"),
    ],
)
def test_the_providers_own_word_where_no_server_spoke(
    provider: str, event: dict[str, object], permanent: bool, cause: str
) -> None:
    body = json.dumps({"email": "clara@customer.test", **event}).encode()
    [report] = provider_events.read(provider, body)
    assert (report.action, report.permanent, classify(report).cause) == (Action.FAILED, permanent, cause)


def test_a_list_that_amazon_resend_or_sparkpost_keeps() -> None:
    words = {
        "resend": "Resend has suppressed sending to this address because it is on the account-level suppression list.",
        "sparkpost": "554 5.7.1 recipient address suppressed due to customer policy",
    }
    for provider, said in words.items():
        [report] = read(provider, "bounced", words=said)
        assert classify(report).cause == "provider_suppressed"


def test_a_virus_that_amazon_refuses() -> None:
    event = {
        "eventType": "Reject",
        "mail": {"destination": ["clara@customer.test"]},
        "reject": {"reason": "Bad content"},
    }
    [report] = provider_events.read("ses", json.dumps(event).encode())
    assert (report.action, report.permanent, report.cause) == (Action.FAILED, True, "content_refused")


def test_one_that_cannot_be_read_does_not_keep_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken = {"msys": {"message_event": {"no": "type"}}}
    ping: dict[str, object] = {"msys": {}}
    body = body_of("sparkpost", [broken, ping, told("sparkpost", "bounced", MAIL), {"msys": 7}])
    with caplog.at_level(logging.WARNING):
        [report] = provider_events.read("sparkpost", body)
    assert report.delivery_token == TOKEN
    assert "an event of sparkpost cannot be read: KeyError: 'type'" in caplog.text


@pytest.mark.parametrize(
    "provider, view", [("mailgun", MailgunTrackingWebhookView), ("postmark", PostmarkTrackingWebhookView)]
)
@pytest.mark.parametrize("what", ["bounced", "deferred", "delivered", "complained"])
def test_our_readers_and_anymails_agree(provider: str, view: type, what: str) -> None:
    """Two readers that were written apart: what anymail would say of it, in our words."""
    event = json.loads(body_of(provider, [told(provider, what, MAIL)]))
    keys = {"webhook_signing_key": "unused"} if provider == "mailgun" else {}
    found = view(webhook_secret="checked", **keys).esp_to_anymail_event(event)
    [report] = read(provider, what)
    assert found.event_type == what
    assert (found.recipient, found.metadata) == (report.recipient, {"answerback": TOKEN})
    assert report.diagnostic == (found.mta_response or "")


@given(provider=st.sampled_from(PROVIDERS), body=st.binary(max_size=200))
def test_any_octets_give_no_report_and_no_error(provider: str, body: bytes) -> None:
    assert provider_events.read(provider, body) == []


_WORDS = """
event bounce msys message_event type email data headers Payload RecordType Bounce event-data failed recipient to mail
X-Mailin-custom eventType metadata rcpt_meta signature delivery-status smtp-id
"""
_words = st.sampled_from(_WORDS.split())
_shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=5),
    max_leaves=12,
)


@given(provider=st.sampled_from(PROVIDERS), shape=st.dictionaries(_words, _shapes, max_size=6))
def test_any_shape_is_read_without_error(provider: str, shape: dict[str, object]) -> None:
    for posted in (shape, [shape]):
        reports = provider_events.read(provider, json.dumps(posted).encode())
        assert all(report.told_by == provider for report in reports)


def test_the_words_are_kept_as_they_came() -> None:
    [report] = read("postmark", "bounced")
    assert report.diagnostic == f"smtp;{UNKNOWN_USER}"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_deep_nesting_is_no_error(provider: str) -> None:
    deep = '{"event": "hard_bounce", "email": "a@b.test", "type": ' + '{"x": [' * 5000 + "]}" * 5000 + "}"
    assert provider_events.read(provider, deep.encode()) == []
