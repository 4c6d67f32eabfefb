"""What kind of mail it is, and whether a person wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.message import Mail, parse
from mailroom.sorting import Kind, automatic_reason, sort

SENDER = "clara@kunde.example"


def mail(*fields: str, subject: str = "Frage", sender: str = SENDER, text: str = "Guten Tag") -> Mail:
    head = [f"From: {sender}", "To: support@hilfe.example", f"Subject: {subject}", *fields]
    return parse("\r\n".join([*head, "", text]).encode())


ANSWER = "In-Reply-To: <1@hilfe.example>"


@pytest.mark.parametrize(
    "fields, reason, kind",
    [
        (["Auto-Submitted: auto-replied"], "auto-replied", Kind.AUTO_REPLY),
        (['Auto-Submitted: AUTO-REPLIED; owner-email="x@y.example"'], "auto-replied", Kind.AUTO_REPLY),
        (["Auto-Submitted: auto-generated"], "auto-submitted", Kind.BULK),
        (["Auto-Submitted: auto-notified"], "auto-submitted", Kind.BULK),
        (["Auto-Submitted: no"], "", Kind.MAIL),
        (["Auto-Submitted: No"], "", Kind.MAIL),
        (["X-Autoreply: yes"], "x-autoreply", Kind.AUTO_REPLY),
        (["X-Autorespond: Frage"], "x-autorespond", Kind.AUTO_REPLY),
        (["Precedence: auto_reply"], "x-autoreply", Kind.AUTO_REPLY),
        (["Precedence: bulk"], "precedence", Kind.BULK),
        (["Precedence: Junk"], "precedence", Kind.BULK),
        (["Precedence: first-class"], "", Kind.MAIL),
        (["List-Id: <laden.example>"], "list", Kind.BULK),
        (["List-Unsubscribe: <https://laden.example/u>"], "list", Kind.BULK),
        (["X-Auto-Response-Suppress: All"], "x-auto-response-suppress", Kind.MAIL),
        (["X-Auto-Response-Suppress: DR, RN"], "", Kind.MAIL),
        (["X-Loop: support@kunde.example"], "x-loop", Kind.MAIL),
        (["X-FC-MachineGenerated: true"], "auto-submitted", Kind.BULK),
        ([f"Received: from a{n} by b{n}" for n in range(51)], "hops", Kind.MAIL),
        ([f"Received: from a{n} by b{n}" for n in range(20)], "", Kind.MAIL),
        ([ANSWER], "", Kind.MAIL),
    ],
)
def test_marks_in_the_header(fields: list[str], reason: str, kind: Kind) -> None:
    marked = mail(*fields)
    assert (automatic_reason(marked, SENDER), sort(marked, SENDER)) == (reason, kind)


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Your request",
        "Auto-Reply: Your request",
        "Autoreply: x",
        "Auto: Automatische Antwort: Ihre Anfrage",
        "Automatische Antwort: Ihre Anfrage",
        "Autom. Antwort: Ihre Anfrage",
        "AUTOMATISCHE ANTWORT",
        "[Automatische Antwort] Ihre Anfrage",
        "=?utf-8?q?R=C3=A9ponse_automatique_=3A_Votre_demande?=",
        "Respuesta automática: x",
        "Risposta automatica: x",
        "Automatisch antwoord: x",
        "Autosvar: x",
        "Automatyczna odpowiedź: x",
        "Автоматический ответ: x",
        "自動応答: x",
    ],
)
def test_subjects_that_only_programs_write(subject: str) -> None:
    assert sort(mail(subject=subject.removeprefix("Auto: ")), SENDER) is Kind.AUTO_REPLY


@pytest.mark.parametrize(
    "subject",
    [
        "Out of Office: Ihre Anfrage",
        "Abwesenheit: Clara Weber",
        "Abwesenheitsnotiz",
        "Fuera de la oficina",
        "Im Urlaub",
    ],
)
def test_subjects_of_absence_count_in_an_answer_only(subject: str) -> None:
    assert sort(mail(ANSWER, subject=subject), SENDER) is Kind.AUTO_REPLY
    assert sort(mail(subject=subject), SENDER) is Kind.MAIL


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Automatic reply: Your request",
        "AW: Automatische Antwort",
        "Fwd: Out of office",
        "Frage zur automatischen Antwort",
        "Automatik-Uhr defekt",
    ],
)
def test_people_write_about_automatic_mail(subject: str) -> None:
    assert automatic_reason(mail(ANSWER, subject=subject), SENDER) == ""


@pytest.mark.parametrize("envelope_from", ["", "<>", " <> "])
def test_the_null_path_is_never_answered(envelope_from: str) -> None:
    assert automatic_reason(mail(), envelope_from) == "null-return-path"
    assert sort(mail(), envelope_from) is Kind.AUTO_REPLY


def test_the_return_path_field_counts_where_the_envelope_is_not_known() -> None:
    assert automatic_reason(mail("Return-Path: <>"), None) == "null-return-path"
    assert automatic_reason(mail("Return-Path: <>"), SENDER) == ""
    assert automatic_reason(mail(), None) == ""


@pytest.mark.parametrize(
    "sender, reason",
    [
        ("noreply@laden.example", "no-reply-sender"),
        ("No-Reply@laden.example", "no-reply-sender"),
        ("donotreply@laden.example", "no-reply-sender"),
        ("do-not-reply+17@laden.example", "no-reply-sender"),
        ("keine-antwort@laden.example", "no-reply-sender"),
        ("liste-request@laden.example", "no-reply-sender"),
        ("postmaster@kunde.example", "daemon-sender"),
        ("root@kunde.example", "daemon-sender"),
        ("bounces@kunde.example", "daemon-sender"),
        ("bounce-42@kunde.example", "daemon-sender"),
        ("bounces+17=anna@kunde.example", "daemon-sender"),
        ("bounce-later@kunde.example", ""),
        ("bouncer.berlin@kunde.example", ""),
        ("MAILER-DAEMON@kunde.example", "daemon-sender"),
        ("norbert@kunde.example", ""),
        ("reply@kunde.example", ""),
        ("maildaemonia@kunde.example", ""),
    ],
)
def test_senders_that_nobody_reads(sender: str, reason: str) -> None:
    assert automatic_reason(mail(sender=sender), sender) == reason
    if reason:
        assert automatic_reason(mail(), sender) == reason


def report(report_type: str, part: str, body: str = "", subject: str = "Bericht", sender: str = SENDER) -> Mail:
    raw = (
        f"From: {sender}\nSubject: {subject}\nContent-Type: multipart/report; report-type={report_type}; boundary=b\n\n"
        f"--b\n\nText\n--b\nContent-Type: {part}\n\n{body}\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--b--\n"
    )
    return parse(raw.encode())


FAILED = "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; d@kunde.example\nAction: failed\nStatus: 5.1.1\n"


@pytest.mark.parametrize(
    "report_type, part, kind",
    [
        ("delivery-status", "message/delivery-status", Kind.DELIVERY_REPORT),
        ("delivery-status", "message/global-delivery-status", Kind.DELIVERY_REPORT),
        ("delivery-status", "text/plain", Kind.DELIVERY_REPORT),
        ("Feedback-Report", "message/feedback-report", Kind.FEEDBACK_REPORT),
        ("disposition-notification", "message/disposition-notification", Kind.READ_RECEIPT),
    ],
)
def test_reports_by_their_structure(report_type: str, part: str, kind: Kind) -> None:
    found = report(report_type, part, FAILED)
    assert sort(found, SENDER) is kind
    assert automatic_reason(found, SENDER) == "report"


QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<d@kunde.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 no such user

--- Below this line is a copy of the message.

Return-Path: <support@hilfe.example>
Subject: Rechnung
"""


def test_a_notice_in_words_is_a_report_where_a_daemon_speaks() -> None:
    notice = mail(subject="failure notice", sender="MAILER-DAEMON@mx.example", text=QMAIL)
    assert sort(notice, "") is Kind.DELIVERY_REPORT
    exim = mail(
        "Auto-Submitted: auto-replied", subject="Mail delivery failed", sender="Mailer-Daemon@mx.example", text=QMAIL
    )
    assert sort(exim, "") is Kind.DELIVERY_REPORT


def test_what_a_daemon_says_and_nobody_understands_is_still_its_report() -> None:
    assert sort(mail(sender="mailer-daemon@mx.example", text="?"), "") is Kind.DELIVERY_REPORT


@pytest.mark.parametrize("subject", ["Kommt zurück", "Re: failure notice", "WG: failure notice", "Fwd: failure notice"])
def test_a_person_may_quote_and_forward_a_notice(subject: str) -> None:
    quoted = "Guten Tag, das kam zurück:\n\n" + "\n".join("> " + line for line in QMAIL.split("\n"))
    assert sort(mail(subject=subject, text=quoted), SENDER) is Kind.MAIL
    assert sort(mail(subject=subject, text="siehe unten\n\n" + QMAIL), SENDER) is Kind.MAIL


def test_a_person_may_attach_a_report() -> None:
    inner = report("delivery-status", "message/delivery-status", FAILED).raw
    raw = b"From: clara@kunde.example\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nWas ist das?\n"
    forwarded = parse(raw + b"--o\nContent-Type: message/rfc822\n\n" + inner + b"\n--o--\n")
    assert sort(forwarded, SENDER) is Kind.MAIL
    assert automatic_reason(forwarded, SENDER) == ""


@pytest.mark.parametrize(
    "challenge",
    [
        mail(subject="Please confirm your message", sender="noreply@filter.example"),
        mail(sender="x@boxbe.com", subject="Your mail", text="You are on the waiting list of Dan. Please verify."),
        mail("Auto-Submitted: auto-replied", subject="Bitte bestätigen Sie Ihre Nachricht"),
        mail("Auto-Submitted: auto-replied", subject="[Spamschutz] Confirm your e-mail to Dan"),
    ],
    ids=lambda challenge: challenge.subject,
)
def test_challenges(challenge: Mail) -> None:
    assert sort(challenge, None) is Kind.CHALLENGE


def test_a_person_may_ask_for_a_confirmation() -> None:
    asking = mail(
        subject="Please confirm your message", text="Did you really mean Friday? Prove that you are human ;-)"
    )
    assert sort(asking, SENDER) is Kind.MAIL


@pytest.mark.parametrize(
    "subject, text, kind",
    [
        ("unsubscribe", "", Kind.UNSUBSCRIBE),
        ("Abmelden", "abmelden", Kind.UNSUBSCRIBE),
        ("", "unsubscribe", Kind.UNSUBSCRIBE),
        ("unsubscribe", "A mail program sent this to unsubscribe.", Kind.UNSUBSCRIBE),
        ("unsubscribe", "Bitte stornieren Sie auch meine Bestellung.", Kind.MAIL),
        ("Abmelden vom Newsletter klappt nicht", "Hilfe!", Kind.MAIL),
    ],
)
def test_unsubscribing(subject: str, text: str, kind: Kind) -> None:
    assert sort(mail(subject=subject, text=text), SENDER) is kind


@given(st.binary(), st.one_of(st.none(), st.text()))
def test_any_octets_are_of_some_kind(raw: bytes, envelope_from: str | None) -> None:
    assert sort(parse(raw), envelope_from) in Kind


@given(st.text(st.characters(codec="utf-8")))
def test_any_subject_is_read(subject: str) -> None:
    assert sort(mail(subject=subject), SENDER) in Kind
