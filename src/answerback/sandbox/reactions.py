"""What servers and people of the played internet send back after they took a mail. Pure: mail in, mail out.

Reports go to the reverse-path of the mail they are about, from the null reverse-path (RFC 5321 §4.5.5); an absence
note too (RFC 3834 §4). All of it is in English, as from most servers, but for what people write themselves.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from answerback.sandbox import notices
from answerback.sandbox.fates import Fate, Form, Reaction

NULL_PATH = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that the played server accepted."""

    recipient: str
    mail_from: str
    content: bytes
    fate: Fate
    at: datetime

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2]

    @property
    def server(self) -> str:
        return f"mx.{self.domain}"

    @property
    def header(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[0] + b"\r\n"

    def field(self, name: str) -> str:
        """The first header field of that name, unfolded."""
        lines = self.header.decode("utf-8", "replace").replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
        prefix = f"{name.lower()}:"
        return next((line[len(prefix) :].strip() for line in lines if line.lower().startswith(prefix)), "")


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail on its way to us."""

    mail_from: str
    recipient: str
    content: bytes


def react(taken: Taken) -> list[Sent]:
    """The mails that follow, in order; the second of two comes later."""
    if not taken.mail_from:
        return []  # a report is never answered with a report
    match taken.fate.reaction:
        case Reaction.FAILURE:
            return [_failure(taken)]
        case Reaction.DELAY:
            return [
                _delivery_report(taken, "delayed", _diagnostic(taken)),
                _delivery_report(taken, "delivered", "250 2.1.5 delivered at last"),
            ]
        case Reaction.DELIVERED:
            return [_delivery_report(taken, "delivered", "250 2.1.5 delivered to the mailbox")]
        case Reaction.COMPLAINT:
            return [_complaint(taken)]
        case Reaction.VACATION:
            return [_vacation(taken)]
        case Reaction.CHALLENGE:
            return [_challenge(taken)]
        case Reaction.RECEIPT:
            return [_receipt(taken)]
    return []


_WHAT = {
    "failed": "could not be delivered. This is a final error, no more tries will be made.",
    "delayed": "has not been delivered yet. You need not do anything: the next tries follow by themselves.",
    "delivered": "was delivered to the mailbox.",
}
_SUBJECT = {
    "failed": "Undelivered Mail Returned to Sender",
    "delayed": "Delayed Mail (still being retried)",
    "delivered": "Successful Mail Delivery Report",
}


def _diagnostic(taken: Taken) -> str:
    return taken.fate.report.format(rcpt=taken.recipient, domain=taken.domain)


def _delivery_report(taken: Taken, action: str, diagnostic: str) -> Sent:
    """RFC 3464."""
    status = diagnostic.split()[1]
    words = f"This is the mail server of {taken.domain}.\n\nYour message to <{taken.recipient}> {_WHAT[action]}\n"
    groups = [
        f"Reporting-MTA: dns; {taken.server}",
        f"Arrival-Date: {format_datetime(taken.at)}",
        "",
        f"Original-Recipient: rfc822; {taken.recipient}",
        f"Final-Recipient: rfc822; {taken.recipient}",
        f"Action: {action}",
        f"Status: {status}",
        f"Remote-MTA: dns; mailstore.{taken.domain}",
        f"Diagnostic-Code: smtp; {diagnostic}",
    ]
    parts = [
        _part("text/plain; charset=us-ascii", f"{words}\n{diagnostic}\n".encode()),
        _part("message/delivery-status", "\n".join([*groups, ""]).encode()),
        _part("text/rfc822-headers", taken.header),
    ]
    fields = [*_from_daemon(taken), f"Subject: {_SUBJECT[action]}", "Auto-Submitted: auto-replied"]
    return Sent(NULL_PATH, taken.mail_from, _multipart("report; report-type=delivery-status", fields, parts))


def _failure(taken: Taken) -> Sent:
    if taken.fate.form is Form.STATUS:
        return _delivery_report(taken, "failed", _diagnostic(taken))
    if taken.fate.form is Form.SIEVE:
        return _refusal(taken)
    notice = notices.in_form(taken.fate.form, taken.recipient, taken.header, _diagnostic(taken))
    fields = [f"From: {notice.sender}", *_addressed(taken), f"Subject: {notice.subject}", *notice.fields]
    return Sent(NULL_PATH, taken.mail_from, _octets([*fields, "MIME-Version: 1.0"], notice.body))


def _complaint(taken: Taken) -> Sent:
    """RFC 5965."""
    words = f"This is an abuse report of {taken.domain} about a message received on {format_datetime(taken.at)}.\n"
    facts = [
        "Feedback-Type: abuse",
        "User-Agent: PlayedInternet/1.0",
        "Version: 1",
        f"Original-Mail-From: <{taken.mail_from}>",
        f"Original-Rcpt-To: <{taken.recipient}>",
        f"Arrival-Date: {format_datetime(taken.at)}",
        "",
    ]
    parts = [
        _part("text/plain; charset=us-ascii", words.encode()),
        _part("message/feedback-report", "\n".join(facts).encode()),
        _part("message/rfc822", taken.content),
    ]
    fields = [
        f"From: Feedback loop <fbl@{taken.domain}>",
        *_addressed(taken),
        f"Subject: FW: {taken.field('Subject')}",
    ]
    return Sent(NULL_PATH, taken.mail_from, _multipart("report; report-type=feedback-report", fields, parts))


def _vacation(taken: Taken) -> Sent:
    words = (
        "Hello / Guten Tag,\n\nI am out of the office until Monday and will read your message then.\n"
        "Ich bin bis Montag nicht im Haus und lese Ihre Nachricht danach.\n"
    )
    fields = [
        f"From: {taken.recipient}",
        *_addressed(taken),
        f"Subject: Automatic reply: {taken.field('Subject')}",
        "Auto-Submitted: auto-replied",
        *_in_reply(taken),
    ]
    return Sent(NULL_PATH, taken.mail_from, _simple(fields, words.encode()))


def _challenge(taken: Taken) -> Sent:
    words = "Your message is held until you confirm it. Please follow the link to show that you are a person.\n"
    fields = [
        f"From: {taken.recipient}",
        *_addressed(taken),
        "Subject: Please confirm your message",
        "Auto-Submitted: auto-replied",
        *_in_reply(taken),
    ]
    return Sent(NULL_PATH, taken.mail_from, _simple(fields, words.encode()))


def _receipt(taken: Taken) -> Sent:
    words = "Your message was displayed. This does not mean that it was read.\n"
    fields = [f"From: {taken.recipient}", f"Subject: Read: {taken.field('Subject')}"]
    return _disposition(taken, "manual-action/MDN-sent-manually; displayed", words, fields)


def _refusal(taken: Taken) -> Sent:
    """RFC 5429 §2.2: the recipient's own filter has thrown it away."""
    words = f"Your message to <{taken.recipient}> was automatically rejected:\nI take no mail from shops any more.\n"
    fields = [
        f"From: Postmaster <postmaster@{taken.domain}>",
        "Subject: Automatically rejected mail",
        "Auto-Submitted: auto-replied (rejected)",
    ]
    return _disposition(taken, "automatic-action/MDN-sent-automatically; deleted", words, fields)


def _disposition(taken: Taken, disposition: str, words: str, fields: Sequence[str]) -> Sent:
    """RFC 8098."""
    facts = [
        f"Reporting-UA: {taken.domain}; PlayedInternet",
        f"Final-Recipient: rfc822; {taken.recipient}",
        f"Original-Message-ID: {taken.field('Message-ID')}",
        f"Disposition: {disposition}",
        "",
    ]
    parts = [
        _part("text/plain; charset=us-ascii", words.encode()),
        _part("message/disposition-notification", "\n".join(facts).encode()),
        _part("text/rfc822-headers", taken.header),
    ]
    fields = [*fields, *_addressed(taken), *_in_reply(taken)]
    return Sent(NULL_PATH, taken.mail_from, _multipart("report; report-type=disposition-notification", fields, parts))


def _from_daemon(taken: Taken) -> list[str]:
    return [f"From: Mail Delivery System <MAILER-DAEMON@{taken.server}>", *_addressed(taken)]


def _addressed(taken: Taken) -> list[str]:
    message_id = f"<{uuid.uuid4().hex}@{taken.server}>"
    return [f"To: <{taken.mail_from}>", f"Date: {format_datetime(taken.at)}", f"Message-ID: {message_id}"]


def _in_reply(taken: Taken) -> list[str]:
    message_id = taken.field("Message-ID")
    return [f"In-Reply-To: {message_id}", f"References: {message_id}"]


def _part(content_type: str, content: bytes) -> bytes:
    return f"Content-Type: {content_type}\n\n".encode() + content


def _multipart(subtype: str, fields: Sequence[str], parts: Sequence[bytes]) -> bytes:
    boundary = f"played-{uuid.uuid4().hex}"
    body = b"".join(b"--" + boundary.encode() + b"\n" + part + b"\n" for part in parts) + f"--{boundary}--\n".encode()
    return _octets([*fields, "MIME-Version: 1.0", f'Content-Type: multipart/{subtype}; boundary="{boundary}"'], body)


def _simple(fields: Sequence[str], body: bytes) -> bytes:
    content_type = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return _octets([*fields, *content_type], body)


def _octets(fields: Sequence[str], body: bytes) -> bytes:
    message = "\n".join(fields).encode() + b"\n\n" + body
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
