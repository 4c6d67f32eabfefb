"""Which cause a report has: wordings, languages, codes, stages, precedence. All samples are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mailroom.growth import assert_costs_its_share

from mailroom.causes.catalogue import load
from mailroom.causes.classify import MAX_TEXT, classify
from mailroom.report import Action, DeliveryReport, Source, Stage
from mailroom.status import EnhancedStatus


def _said(text: str, stage: Stage | None = None, source: Source = Source.REPORT, **more: object) -> DeliveryReport:
    """A report of `text`, with the codes that it begins with as the readers would set them."""
    code = int(text[:3]) if text[:3].isdigit() and text[3:4] in (" ", "-", "") else None
    return DeliveryReport(
        "anna@example.org",
        Action.FAILED,
        reply_code=code,
        status=EnhancedStatus.find(text[:12]),
        diagnostic=text,
        stage=stage,
        source=source,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "text, cause",
    [
        # agent
        (
            "550 5.1.1 <anna@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
            "address_unknown",
        ),
        ("550 5.1.1 The email account that you tried to reach does not exist.", "address_unknown"),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "address_unknown"),
        (
            "554 delivery error: dd This user doesn't have a example.com account (anna@example.com) [0]",
            "address_unknown",
        ),
        ("553 sorry, no mailbox here by that name (#5.7.1)", "address_unknown"),
        (
            "Host or domain name not found. Name service error for name=examplle.org type=A: Host not found",
            "domain_unknown",
        ),
        ("550 5.1.2 <anna@examplle.org>... Host unknown (Name server: examplle.org: host not found)", "domain_unknown"),
        ("556 5.1.10 <anna@example.org>: Domain example.org does not accept mail (nullMX)", "domain_no_mail"),
        ("521 5.3.2 Recipient address rejected: System not accepting network messages", "domain_no_mail"),
        ("501 5.1.3 Bad recipient address syntax", "address_syntax"),
        ("551 5.1.6 User has moved; please try <anna@example.com>", "address_moved"),
        ("552 5.3.4 Message size exceeds fixed limit", "message_too_big"),
        ("message size 18876259 exceeds size limit 10485760 of server mx.example.org", "message_too_big"),
        (
            "552-5.7.0 This message was blocked because its content presents a potential\n552 5.7.0 security issue.",
            "content_refused",
        ),
        ("554 5.6.0 Banned attachment: invoice.exe", "content_refused"),
        # customer
        ("552 5.2.2 <anna@example.org>: user is over quota", "mailbox_full"),
        ("452-4.2.2 The recipient's inbox is out of storage space.", "mailbox_full"),
        ("550 5.2.1 The email account that you tried to reach is disabled.", "mailbox_disabled"),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", "recipient_restricted"),
        (
            "550 5.4.1 Recipient address rejected: Access denied. [AM0.eurprd02.prod.outlook.com]",
            "recipient_restricted",
        ),
        ('Command died with status 75: "/usr/bin/filter"', "local_delivery"),
        ("554 5.4.14 Hop count exceeded - possible mail loop", "routing_loop"),
        ("554 5.7.1 <anna@example.org>: Relay access denied", "relay_denied"),
        # admin
        (
            "550-5.7.26 Unauthenticated email from example.net not accepted due to\n550 5.7.26 domain's DMARC policy.",
            "auth_policy",
        ),
        ("550 5.7.23 SPF validation failed", "auth_policy"),
        ("550 5.7.25 The IP address has no PTR record", "reverse_dns"),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "reputation"),
        ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "reputation"),
        ("550 5.7.1 Message rejected as spam by Content Filtering.", "spam_content"),
        ("554 5.7.9 Message not accepted for policy reasons.", "policy_refused"),
        ("553 5.1.8 <httpd@example.net>... Domain of sender address does not exist", "sender_refused"),
        ("530 5.7.0 Must issue a STARTTLS command first", "tls_required"),
        ("535 5.7.8 Error: authentication failed", "login_refused"),
        ("503 5.5.1 Bad sequence of commands", "protocol_error"),
        ("550 5.6.7 SMTPUTF8 is required, but was not offered", "protocol_error"),
        # retry
        ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail", "rate_limited"),
        ("450 4.2.0 <anna@example.org>: Recipient address rejected: Greylisted for 300 seconds", "greylisted"),
        ("451 4.7.1 Please try again later", "greylisted"),
        ("connect to mx.example.org[192.0.2.1]:25: Connection refused", "connection_failed"),
        ("550 5.4.312 Message expired, DNS query failed", "dns_failure"),
        ("451 4.3.0 Error: queue file write error", "system_error"),
        ("550 4.4.7 QUEUE.Expired; message expired", "expired"),
        # no failure yet: the sender is asked to confirm
        ("554 5.7.0 Sender not pre-approved, follow the link to confirm", "challenge"),
        # nothing known
        ("550 5.0.0 blorp", "unknown"),
        ("", "unknown"),
    ],
)
def test_wordings(text: str, cause: str) -> None:
    assert classify(_said(text)).cause == cause


@pytest.mark.parametrize(
    "text, cause",
    [
        ("550 Empfänger unbekannt", "address_unknown"),
        ("anna wurde unter example.org nicht gefunden.", "address_unknown"),
        ("550 Adresse d au moins un destinataire invalide", "address_unknown"),
        ("550 usuario desconocido", "address_unknown"),
        ("550 utente sconosciuto", "address_unknown"),
        ("550 usuário inexistente", "address_unknown"),
        ("550 gebruiker onbekend", "address_unknown"),
        ("550 użytkownik nie istnieje", "address_unknown"),
        ("550 Пользователь не найден", "address_unknown"),
        ("宛先のメールアドレスが見つかりません", "address_unknown"),
        ("550 用户不存在", "address_unknown"),
        ("552 Das Postfach des Empfängers ist voll", "mailbox_full"),
        ("552 Boîte aux lettres pleine", "mailbox_full"),
        ("552 Buzón de entrada lleno", "mailbox_full"),
        ("552 La casella del destinatario è piena", "mailbox_full"),
        ("552 Почтовый ящик переполнен", "mailbox_full"),
        ("このメールボックスがいっぱいです", "mailbox_full"),
        ("552 邮箱已满", "mailbox_full"),
        ("550 Das Konto wurde deaktiviert", "mailbox_disabled"),
        ("550 compte désactivé", "mailbox_disabled"),
        ("552 Nachricht zu groß", "message_too_big"),
        ("421 Zu viele Verbindungen", "rate_limited"),
        ("421 Trop de connexions, veuillez vérifier votre configuration", "rate_limited"),
        ("554 Ihr Server steht auf einer Sperrliste", "reputation"),
        ("550 Absender abgelehnt", "sender_refused"),
        ("550 Aus Richtliniengründen abgelehnt", "policy_refused"),
    ],
)
def test_languages(text: str, cause: str) -> None:
    assert classify(_said(text)).cause == cause


@pytest.mark.parametrize(
    "text, cause",
    [
        # a named list or a word of authentication beats spam
        ("554 5.7.1 Spam: listed at bl.spamcop.net", "reputation"),
        ("550 5.7.1 rejected as spam, DKIM signature not valid", "auth_policy"),
        # spam beats policy
        ("550 5.7.1 Message refused by policy, looks like spam", "spam_content"),
        # full beats unknown user, also with the other one's code
        ("550 5.1.1 user unknown or mailbox full", "mailbox_full"),
        # restricted beats policy
        ("550 5.7.1 Policy: you are not allowed to post, members only", "recipient_restricted"),
        # any phrase beats X.7.1, X.0.0, X.5.0 and a bare 550
        ("550 5.7.1 No such user here", "address_unknown"),
        ("554 5.0.0 mailbox is full", "mailbox_full"),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", "address_unknown"),
        # a disabled account is not a mistyped one
        ("550 5.1.1 user unknown, account has been disabled", "mailbox_disabled"),
        # a sender whose domain is unknown is our matter
        ("450 4.1.8 <ada@example.net>: Sender address rejected: Domain not found", "sender_refused"),
        # the cause of the last reply beats expiry
        ("mailbox is full: retry timeout exceeded", "mailbox_full"),
        # a wrapped reply: the inner code counts
        ("5.1.0 - Unknown address error 550-'5.7.1 message looks like spam'", "spam_content"),
    ],
)
def test_precedence(text: str, cause: str) -> None:
    assert classify(_said(text)).cause == cause


@pytest.mark.parametrize(
    "text, stage, cause",
    [
        ("552 too much", Stage.RCPT, "mailbox_full"),
        ("552 too much", Stage.DOT, "message_too_big"),
        ("552 too much", Stage.MAIL, "message_too_big"),
        ("552 5.2.2 no", Stage.DOT, "mailbox_full"),  # a code beats the stage
        ("550 blorp", Stage.RCPT, "address_unknown"),
        ("550 blorp", Stage.MAIL, "sender_refused"),
        ("550 blorp", Stage.DOT, "policy_refused"),
        ("554 blorp", Stage.BANNER, "reputation"),
        ("550 blorp", None, "unknown"),
        ("550 5.1.1 User unknown", Stage.MAIL, "sender_refused"),
        ("530 5.7.1 blorp", Stage.MAIL, "login_refused"),
        ("501 blorp", Stage.RCPT, "address_syntax"),
        ("550 blorp", Stage.AUTH, "login_refused"),
        ("454 mailbox full", Stage.AUTH, "login_refused"),
        ("550 user unknown", Stage.STARTTLS, "tls_required"),
    ],
)
def test_the_stage_of_our_session_counts(text: str, stage: Stage | None, cause: str) -> None:
    assert classify(_said(text, stage, Source.SESSION)).cause == cause


@pytest.mark.parametrize(
    "text, cause",
    [
        ("host mx.example.org[192.0.2.1] said: 552 blorp (in reply to RCPT TO command)", "mailbox_full"),
        ("host mx.example.org[192.0.2.1] said: 552 blorp (in reply to end of DATA command)", "message_too_big"),
        ("SMTP error from remote mail server after MAIL FROM:<ada@example.net>: 552 blorp", "message_too_big"),
        ("host mx.example.org[192.0.2.1] refused to talk to me: 552 blorp", "mailbox_full"),
        (
            "192.0.2.1 failed after I sent the message. Remote host said: 552 blorp Giving up on 192.0.2.1.",
            "message_too_big",
        ),
    ],
)
def test_the_stage_that_a_notice_tells_counts(text: str, cause: str) -> None:
    report = DeliveryReport("", Action.FAILED, reply_code=552, diagnostic=text, source=Source.REPORT)
    assert classify(report).cause == cause


@pytest.mark.parametrize(
    "stage, status, text, cause",
    [
        (Stage.DNS, "5.1.2", "NXDOMAIN", "domain_unknown"),
        (Stage.DNS, "5.1.10", "null MX", "domain_no_mail"),
        (Stage.DNS, "4.4.3", "SERVFAIL", "dns_failure"),
        (Stage.DNS, None, "timed out", "dns_failure"),
        (Stage.CONNECT, "4.4.1", "Connection refused", "connection_failed"),
        (Stage.BANNER, "4.4.2", "timed out", "connection_failed"),
        (Stage.DOT, "4.4.2", "connection lost after the final dot", "connection_failed"),
        (Stage.STARTTLS, "4.7.5", "certificate verify failed", "tls_required"),
        (Stage.AUTH, "4.7.8", "", "login_refused"),
        (Stage.EHLO, "5.6.7", "SMTPUTF8 not offered", "protocol_error"),
        (Stage.MAIL, "5.3.4", "larger than the announced SIZE", "message_too_big"),
        (Stage.EHLO, "4.5.0", "garbage instead of a reply", "connection_failed"),
        (None, None, "", "connection_failed"),
    ],
)
def test_our_own_client_is_judged_by_where_it_happened(
    stage: Stage | None, status: str | None, text: str, cause: str
) -> None:
    report = DeliveryReport(
        "anna@example.org",
        Action.FAILED,
        status=EnhancedStatus.parse(status) if status else None,
        diagnostic=text,
        stage=stage,
        source=Source.CLIENT,
    )
    assert classify(report).cause == cause


@pytest.mark.parametrize(
    "status, host, cause",
    [
        ("5.1.10", "mx.example.org", "domain_no_mail"),  # RFC 7505
        ("5.1.10", "AM0.eurprd02.prod.outlook.com", "address_unknown"),
        ("5.4.1", "mx.example.org", "connection_failed"),
        ("5.4.1", "example-org.mail.protection.outlook.com", "recipient_restricted"),
        ("4.2.1", "gmail-smtp-in.l.google.com", "rate_limited"),
        ("4.2.1", "mx.example.org", "mailbox_disabled"),
        ("5.7.9", "mta5.am0.yahoodns.net", "policy_refused"),
        ("5.7.9", "mx.example.org", "login_refused"),
        ("5.7.620", "mx.example.org", "reputation"),
        ("5.7.650", "mx.example.org", "unknown"),
        ("4.7.501", "mx.example.org", "rate_limited"),
        ("4.7.650", "mx.example.org", "reputation"),
        ("2.1.5", "mx.example.org", "unknown"),  # a positive code says nothing of a failure
    ],
)
def test_a_code_means_what_its_vendor_means(status: str, host: str, cause: str) -> None:
    report = DeliveryReport(
        "", Action.FAILED, status=EnhancedStatus.parse(status), remote_mta=host, source=Source.REPORT
    )
    assert classify(report).cause == cause


@pytest.mark.parametrize(
    "action, cause",
    [
        (Action.DELIVERED, "delivered"),
        (Action.RELAYED, "relayed"),
        (Action.EXPANDED, "relayed"),
        (Action.COMPLAINT, "complaint"),
    ],
)
def test_what_is_no_failure(action: Action, cause: str) -> None:
    report = DeliveryReport("", action, diagnostic="250 2.1.5 mailbox full", source=Source.REPORT)
    assert classify(report).cause == cause


def test_a_delay_keeps_its_reason_and_else_only_waits() -> None:
    def delayed(text: str) -> str:
        return classify(DeliveryReport("", Action.DELAYED, diagnostic=text, source=Source.REPORT)).cause

    assert delayed("452 4.2.2 mailbox full") == "mailbox_full"
    assert delayed("Will be tried for 3 more days") == "expired"
    assert delayed("") == "delayed"


@pytest.mark.parametrize(
    "text, cause", [("452 4.2.2 mailbox full", "mailbox_full"), ("", "expired"), ("451 4.4.7 blorp", "expired")]
)
def test_expiry_keeps_the_last_real_cause(text: str, cause: str) -> None:
    assert classify(_said(text, source=Source.EXPIRY, expired=True)).cause == cause


def test_a_cause_that_a_reader_knows_is_kept() -> None:
    assert classify(_said("550 user unknown", cause="mailbox_full")).cause == "mailbox_full"


@pytest.mark.parametrize(
    "text",
    [
        "550 <spam@example.org>: User unknown",
        "550 <mailbox.full@quota.example>: User unknown",
        "host spam-virus.greylist.example.org[192.0.2.1] said: 550 User unknown",
        "550 User unknown, see https://www.example.org/mailbox-full/spam?quota=exceeded",
        "550 User\r\n unknown",
        "550-5.1.1 User\n550 5.1.1 unknown",
        "550 USER_UNKNOWN",
        "550 “User unknown”",
    ],
)
def test_addresses_hosts_and_line_ends_do_not_count(text: str) -> None:
    assert classify(_said(text)).cause == "address_unknown"


def test_words_inside_other_words_do_not_count() -> None:
    assert classify(_said("this is a nonspam antivirus notice")).cause == "unknown"


def test_the_rule_tells_why() -> None:
    assert classify(_said("552 5.2.2 Mailbox full")).rule == "phrase:mailbox full"
    assert classify(_said("552 5.2.2 blorp")).rule == "status:5.2.2"
    assert classify(_said("550 blorp", Stage.RCPT, Source.SESSION)).rule == "reply:550@rcpt"


@given(
    st.text(max_size=300),
    st.sampled_from(Action),
    st.sampled_from(Source),
    st.none() | st.sampled_from(Stage),
    st.none() | st.integers(0, 999),
    st.none() | st.builds(EnhancedStatus, st.sampled_from([2, 4, 5]), st.integers(0, 9), st.integers(0, 999)),
)
def test_any_report_has_a_cause_of_the_catalogue(
    text: str,
    action: Action,
    source: Source,
    stage: Stage | None,
    reply_code: int | None,
    status: EnhancedStatus | None,
) -> None:
    report = DeliveryReport(
        "", action, reply_code=reply_code, status=status, diagnostic=text, source=source, stage=stage
    )
    verdict = classify(report)
    assert verdict.cause in load().causes
    assert verdict.rule


@pytest.mark.parametrize(
    "piece", ["a@", "x", "user ", "1.2.3.", ".", "a.b.", "<", "no such ", "domain ", "5.1.1", "http://", "\u3042"]
)
def test_hostile_text_costs_no_more_than_its_share(piece: str) -> None:
    def work(text: str) -> None:
        classify(DeliveryReport("", Action.FAILED, diagnostic=text, source=Source.REPORT))

    assert_costs_its_share(work, piece, large=2 * MAX_TEXT)
