"""Mail as a customer of the played internet writes it: a new one, or an answer with everything a mail program adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from answerback.core import clock
from answerback.sandbox import posting
from mailroom import message
from mailroom.address import Address
from mailroom.message import Mail


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content_type: str
    content: bytes


def write(sender: Address, recipient: str, subject: str, text: str, files: Sequence[File] = ()) -> bytes:
    """Post a new mail; answers its octets. RefusedError, OSError."""
    mail = _mail(sender, [recipient], [], subject, text, files)
    return _posted(sender, [recipient], mail)


def answer(address: str, original: bytes, text: str, everybody: bool = False, files: Sequence[File] = ()) -> bytes:
    """Post the answer of `address` to a mail it got; answers its octets. RefusedError, OSError."""
    got = message.parse(original)
    sender = next((one for one in [*got.to, *got.cc] if one.spec.lower() == address.lower()), None)
    sender = sender or Address(*address.rpartition("@")[::2])
    to = [one.spec for one in got.reply_to or ([got.from_] if got.from_ else [])]
    ccs = [one.spec for one in [*got.to, *got.cc] if one.spec.lower() != address.lower()] if everybody else []
    subject = got.subject if got.subject.lower().startswith(("re:", "aw:")) else f"Re: {got.subject}"
    mail = _mail(sender, to, ccs, subject, f"{text}\n\n{_quoted(got)}", files)
    if got.message_id:
        mail["In-Reply-To"] = got.message_id
        mail["References"] = " ".join([*got.references[-20:], got.message_id])
    return _posted(sender, [*to, *ccs], mail)


def _mail(
    sender: Address, to: Sequence[str], ccs: Sequence[str], subject: str, text: str, files: Sequence[File]
) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _header(f"{sender.name} <{sender.spec}>" if sender.name else sender.spec)
    mail["To"] = ", ".join(map(_header, to))
    if ccs:
        mail["Cc"] = ", ".join(map(_header, ccs))
    mail["Subject"] = _header(subject)
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = make_msgid(domain=sender.domain)
    mail.set_content(text.replace("\r\n", "\n"))
    for file in files:
        main, _, sub = (file.content_type or "application/octet-stream").partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub or "octet-stream", filename=_header(file.name))
    return mail


def _posted(sender: Address, recipients: Sequence[str], mail: EmailMessage) -> bytes:
    content = mail.as_bytes()
    posting.post(sender.spec, list(dict.fromkeys(recipients)), content)
    return content


def _quoted(got: Mail) -> str:
    """The mail that is answered, as Thunderbird quotes it."""
    when = got.date.strftime("%d.%m.%Y %H:%M") if got.date else ""
    name = (got.from_.name or got.from_.spec) if got.from_ else ""
    lines = "\n".join(f"> {line}".rstrip() for line in got.text.strip().splitlines())
    return f"On {when}, {name} wrote:\n{lines}\n"


def _header(text: str) -> str:
    """One line: a header cannot be begun from inside."""
    return " ".join(text.split())
