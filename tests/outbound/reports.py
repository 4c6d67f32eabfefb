"""Delivery reports as servers write them (RFC 3464), for tests: our own samples, no copies."""

from __future__ import annotations

from answerback.core import clock
from answerback.outbound.models import Delivery
from answerback.outbound.tokens import Signer
from mailroom.message import Mail, parse

BOUNDARY = "b1_report"


def return_path(delivery: Delivery) -> str:
    return Signer.current().mail_from(delivery.pk, clock.today())


def token(delivery: Delivery) -> str:
    return Signer.current().delivery_token(delivery.pk)


def recipient_group(recipient: str, action: str = "failed", status: str = "5.1.1", original: str = "") -> str:
    lines = [f"Final-Recipient: rfc822; {recipient}"] if recipient else []
    if original:
        lines.append(f"Original-Recipient: rfc822; {original}")
    lines += [f"Action: {action}", f"Status: {status}"]
    if action in ("failed", "delayed"):
        reply = 550 if status.startswith("5") else 451
        lines.append(f"Diagnostic-Code: smtp; {reply} {status} the server's own words")
    return "\r\n".join(lines)


def report(*groups: str, message_id: str = "", delivery_token: str = "") -> Mail:
    """A report with these recipient groups; the returned headers carry what is given."""
    returned = ["From: Acme Support <support@acme.test>", "Subject: Re: Printer on fire"]
    if message_id:
        returned.append(f"Message-ID: {message_id}")
    if delivery_token:
        returned.append(f"X-Answerback-Delivery: {delivery_token}")
    parts = [
        "Content-Type: text/plain\r\n\r\nThis is the mail system. Your message could not be delivered.",
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.test\r\n\r\n"
        + "\r\n\r\n".join(groups),
        "Content-Type: text/rfc822-headers\r\n\r\n" + "\r\n".join(returned),
    ]
    body = "".join(f"--{BOUNDARY}\r\n{part}\r\n\r\n" for part in parts) + f"--{BOUNDARY}--\r\n"
    head = (
        "From: MAILER-DAEMON@mx.customer.test\r\nTo: bounces@acme.test\r\nSubject: Undelivered Mail\r\n"
        f'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="{BOUNDARY}"\r\n'
    )
    return parse(f"{head}\r\n{body}".encode())
