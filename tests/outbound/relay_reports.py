"""Reports as Microsoft 365 and Gmail write them when they are our relay: to the mailbox that we wrote from, and with
what they were handed, whole or its headers. Written by us after their known shapes; `copy` is what was sent.
"""

from __future__ import annotations

import uuid
from base64 import b64encode

NOT_FOUND = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {rcpt} not found by SMTP address lookup"
GONE = "550-5.1.1 The email account that you tried to reach does not exist. Please try\n 550-5.1.1 double-checking the"
GOOGLE_SAYS = f"{GONE} recipient's email address for typos or\n 550 5.1.1 unnecessary spaces. x9-20020a05si123 - gsmtp"


def microsoft_365(recipient: str, to: str, copy: bytes) -> bytes:
    """HTML and text in one part, a status part, and the original as 365 had it: below its own fields."""
    said = NOT_FOUND.format(rcpt=recipient)
    words = (
        f"<html><body><p>Your message to {recipient} couldn't be delivered.</p>"
        f"<p>{recipient.partition('@')[0]} wasn't found at {recipient.partition('@')[2]}.</p></body></html>"
    )
    status = (
        "Reporting-MTA: dns;AM0PR01MB1234.eurprd01.prod.example\nReceived-From-MTA: dns;help.acme.test\n"
        "Arrival-Date: Thu, 26 Nov 2026 09:14:03 +0000\n\n"
        f"Final-Recipient: rfc822;{recipient}\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;{said}\n"
    )
    return _report(
        "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@acme.test>",
        to,
        f"Undeliverable: Re: Printer on fire {uuid.uuid4().hex[:6]}",
        [
            ("text/html; charset=us-ascii", words.encode()),
            ("message/delivery-status", status.encode()),
            ("message/rfc822", _passed_on(copy)),
        ],
    )


def microsoft_365_in_words(recipient: str, to: str, copy: bytes) -> bytes:
    """As it comes out of a mailbox that keeps no report parts: one text, in German, with the headers at its end."""
    said = NOT_FOUND.format(rcpt=recipient)
    header = _passed_on(copy).partition(b"\n\n")[0].decode()
    text = (
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\n"
        f"{recipient}\nDie eingegebene E-Mail-Adresse konnte nicht gefunden werden.\n\n"
        "Diagnoseinformationen für Administratoren:\n\n"
        "Generierender Server: AM0PR01MB1234.eurprd01.prod.example\n\n"
        f"{recipient}\nRemote Server returned '{said}'\n\nUrsprüngliche Nachrichtenköpfe:\n\n{header}\n"
    )
    fields = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"
    head = _head("Microsoft Outlook <postmaster@acme.test>", to, "=?utf-8?Q?Unzustellbar:_Re:_Printer_on_fire?=")
    return f"{head}\n{fields}\n\n".encode() + b64encode(text.encode()) + b"\n"


def gmail(recipient: str, to: str, copy: bytes) -> bytes:
    """Words twice beside a picture, a status part, and the headers of the original."""
    words = f"** Address not found **\n\nYour message wasn't delivered to {recipient} because it couldn't be found."
    inner = "g-alternative"
    alternative = (
        f"--{inner}\nContent-Type: text/plain; charset=UTF-8\n\n{words}\n\nThe response was:\n\n{GOOGLE_SAYS}\n"
        f"--{inner}\nContent-Type: text/html; charset=UTF-8\n\n<html><body>{words}</body></html>\n--{inner}--\n"
    )
    status = (
        f"Reporting-MTA: dns; googlemail.com\nReceived-From-MTA: dns; {to}\n"
        f"Arrival-Date: Thu, 26 Nov 2026 01:14:03 -0800\n"
        f"X-Original-Message-ID: {_field(copy, 'Message-ID')}\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\n"
        f"Remote-MTA: dns; mx.customer.test. (192.0.2.26, the server for the domain customer.test.)\n"
        f"Diagnostic-Code: smtp; {GOOGLE_SAYS}\nLast-Attempt-Date: Thu, 26 Nov 2026 01:14:04 -0800 (PST)\n"
    )
    header = _passed_on(copy).partition(b"\n\n")[0] + b"\n"
    return _report(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        to,
        "Delivery Status Notification (Failure)",
        [
            (f"multipart/alternative; boundary={inner}", alternative.encode()),
            ("image/png; name=icon.png\nContent-Transfer-Encoding: base64", b64encode(b"\x89PNG picture")),
            ("message/delivery-status", status.encode()),
            ("text/rfc822-headers", header),
        ],
        more=f"X-Failed-Recipients: {recipient}\n",
    )


def _passed_on(copy: bytes) -> bytes:
    """What the relay made of it: trace and signature on top, and the return path that it chose."""
    trace = (
        b"Return-Path: <support@acme.test>\n"
        b"Received: from help.acme.test (192.0.2.80) by smtp.relay.example with ESMTPSA id 15.20.8293.12;\n"
        b" Thu, 26 Nov 2026 09:14:03 +0000\n"
        b"X-Relay-CrossTenant-Id: 00000000-0000-0000-0000-000000000001\n"
    )
    return trace + copy.replace(b"\r\n", b"\n")


def _field(copy: bytes, name: str) -> str:
    lines = copy.decode().split("\r\n")
    return next(line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name.lower()}:"))


def _head(sender: str, to: str, subject: str) -> str:
    date = "Thu, 26 Nov 2026 09:14:05 +0000"
    return (
        f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: {date}\nAuto-Submitted: auto-replied\nMIME-Version: 1.0"
    )


def _report(sender: str, to: str, subject: str, parts: list[tuple[str, bytes]], more: str = "") -> bytes:
    boundary = "r-report"
    kind = f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"'
    body = b"".join(f"--{boundary}\nContent-Type: {kind}\n\n".encode() + content + b"\n" for kind, content in parts)
    return f"{more}{_head(sender, to, subject)}\n{kind}\n\n".encode() + body + f"--{boundary}--\n".encode()
