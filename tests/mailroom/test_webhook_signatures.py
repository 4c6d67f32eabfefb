"""Who may say what became of our mail: each provider's way of signing, and everything that is not quite that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inbound.provider_calls import (
    CERTIFICATE_URL,
    MAILGUN_KEY,
    PROVIDERS,
    SECRETS,
    TOPIC,
    Mail,
    make_certificate,
    posted,
    signed,
    sns,
    told,
)

from mailroom.webhook_signatures import Call, Refusal, is_address_of, problem, refusal

NOW = datetime.now(UTC)
CERTIFICATE = make_certificate()
SIGNING = ("mailgun", "resend", "sendgrid", "ses")
KNOCKING = tuple(sorted(set(PROVIDERS) - set(SIGNING)))


def call_of(body: bytes, headers: Mapping[str, str], certificate: bytes = CERTIFICATE) -> Call:
    content = json.loads(body)
    names = {name.lower(): value for name, value in headers.items()}
    return Call(body, names, content if isinstance(content, dict) else {}, lambda url: certificate)


def call(provider: str, at: datetime = NOW) -> Call:
    return call_of(*posted(provider, [told(provider, "bounced", Mail())], at))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_providers_own_call_is_believed(provider: str) -> None:
    assert refusal(provider, SECRETS[provider], call(provider), NOW) is None


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_secret_can_be_changed_without_a_gap(provider: str) -> None:
    other = {"mailgun": "another-key-of-mailgun", "ses": TOPIC + "-old"}.get(provider, SECRETS[provider][:-4] + "AAA=")
    assert refusal(provider, f"{other} {SECRETS[provider]}", call(provider), NOW) is None
    assert refusal(provider, other, call(provider), NOW) in (Refusal.BAD_SIGNATURE, Refusal.WRONG_TOPIC)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_signature_or_password(provider: str) -> None:
    body = b'{"event": "bounce"}'
    assert refusal(provider, SECRETS[provider], call_of(body, {}), NOW) is Refusal.UNSIGNED


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_a_changed_body(provider: str) -> None:
    good = call(provider)
    changed = replace(good, body=good.body.replace(b"clara", b"deniz"))
    assert refusal(provider, SECRETS[provider], changed, NOW) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Type"])
def test_a_changed_field_of_amazons(field: str) -> None:
    content = dict(call("ses").content)
    content[field] = "SubscriptionConfirmation" if field == "Type" else content[field] + "0"
    forged = call_of(json.dumps(content).encode(), {})
    assert refusal("ses", TOPIC, forged, NOW) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize("part", ["token", "timestamp", "signature"])
def test_a_changed_part_of_mailguns_signature(part: str) -> None:
    content = json.loads(call("mailgun").body)
    content["signature"][part] = content["signature"][part][:-1] + "x"
    assert refusal("mailgun", MAILGUN_KEY, call_of(json.dumps(content).encode(), {}), NOW) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_amazons_signature(version: str) -> None:
    body = json.dumps(sns("Notification", NOW, version, Message="{}", Subject="Amazon SES")).encode()
    assert refusal("ses", TOPIC, call_of(body, {}), NOW) is None


def test_a_version_nobody_knows() -> None:
    body = json.dumps(sns("Notification", NOW, "1", Message="{}") | {"SignatureVersion": "3"}).encode()
    assert refusal("ses", TOPIC, call_of(body, {}), NOW) is Refusal.BAD_SIGNATURE


def test_somebody_elses_topic_is_signed_by_amazon_too() -> None:
    body = json.dumps(sns("Notification", NOW, Message="{}", TopicArn=TOPIC + "-of-eve")).encode()
    assert refusal("ses", TOPIC, call_of(body, {}), NOW) is Refusal.WRONG_TOPIC


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.test/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.test/a.pem",
        "https://evil.test/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.pem?next=https://evil.test/a.pem",
        "https://bucket.s3.amazonaws.com/a.pem",
        "https://[sns",
        "",
    ],
)
def test_certificates_come_from_amazon_only(url: str) -> None:
    asked = []
    body = json.dumps(sns("Notification", NOW, Message="{}", SigningCertURL=url)).encode()
    seen = replace(call_of(body, {}), certificate=lambda url: asked.append(url) or CERTIFICATE)  # type: ignore[func-returns-value]
    assert refusal("ses", TOPIC, seen, NOW) is Refusal.BAD_SIGNATURE
    assert asked == []
    assert not is_address_of(TOPIC, url)


def test_the_certificates_own_address() -> None:
    assert is_address_of(TOPIC, CERTIFICATE_URL)
    assert is_address_of(
        "arn:aws-cn:sns:cn-north-1:123456789012:a", "https://sns.cn-north-1.amazonaws.com.cn/Service-1.pem"
    )


@pytest.mark.parametrize("certificate", [b"", b"-----BEGIN CERTIFICATE-----", make_certificate(-timedelta(days=1))])
def test_a_certificate_that_is_none_or_no_longer(certificate: bytes) -> None:
    good = call("ses")
    seen = replace(good, certificate=lambda url: certificate)
    assert refusal("ses", TOPIC, seen, NOW) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize("provider", SIGNING)
def test_an_old_call_played_again(provider: str) -> None:
    assert refusal(provider, SECRETS[provider], call(provider, NOW - timedelta(hours=26)), NOW) is Refusal.REPLAYED


@pytest.mark.parametrize("provider", SIGNING)
def test_a_call_from_the_future(provider: str) -> None:
    assert refusal(provider, SECRETS[provider], call(provider, NOW + timedelta(hours=1)), NOW) is Refusal.REPLAYED
    assert refusal(provider, SECRETS[provider], call(provider, NOW + timedelta(minutes=1)), NOW) is None


@pytest.mark.parametrize("provider", SIGNING)
def test_a_call_repeated_after_we_were_away(provider: str) -> None:
    """Resend signs each repetition anew; the others may bring the first signature of a day ago."""
    late = call(provider, NOW - timedelta(hours=20))
    assert refusal(provider, SECRETS[provider], late, NOW) is (Refusal.REPLAYED if provider == "resend" else None)


@pytest.mark.parametrize("provider", KNOCKING)
@pytest.mark.parametrize(
    "header", ["Basic YW5zd2VyYmFjazp3cm9uZw==", "Basic ???", "Basic", "Bearer YWJj", "basic " + "A" * 5000]
)
def test_a_wrong_password(provider: str, header: str) -> None:
    seen = call_of(b"{}", {"Authorization": header})
    assert refusal(provider, SECRETS[provider], seen, NOW) in (Refusal.BAD_SIGNATURE, Refusal.UNSIGNED)


@given(
    provider=st.sampled_from(PROVIDERS),
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "signature",
                        "timestamp",
                        "token",
                        "Type",
                        "TopicArn",
                        "SigningCertURL",
                        "Signature",
                        "Timestamp",
                        "x",
                    ]
                ),
                inner,
            )
        ),
    ),
    values=st.lists(st.text(), min_size=6, max_size=6),
)
def test_nothing_that_is_sent_makes_it_fail_or_believe(provider: str, content: object, values: list[str]) -> None:
    names = ("authorization", "svix-id", "svix-timestamp", "svix-signature")
    names += ("x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp")
    given_ = content if isinstance(content, dict) else {}
    seen = Call(b"x", dict(zip(names, values, strict=True)), given_, lambda url: CERTIFICATE)
    assert refusal(provider, SECRETS[provider], seen, NOW) is not None


@pytest.mark.parametrize("provider", PROVIDERS)
def test_secrets_of_the_right_kind(provider: str) -> None:
    assert problem(provider, SECRETS[provider]) == ""
    assert problem(provider, "") == ""
    assert problem(provider, "short") != ""
    assert problem(provider, f"{SECRETS[provider]} short") != ""


def test_a_signature_says_nothing_about_another_call() -> None:
    body = b'[{"event": "bounce"}]'
    elsewhere = signed("sendgrid", b'[{"event": "delivered"}]', NOW)
    assert refusal("sendgrid", SECRETS["sendgrid"], call_of(body, elsewhere), NOW) is Refusal.BAD_SIGNATURE
