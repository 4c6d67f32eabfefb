"""Mail as customers write it: octets with everything a mail program adds, quoting of what they answer included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from django.utils import timezone

from answerback.core import clock
from answerback.sandbox.demo_desk import files
from mailroom.address import Address
from mailroom.html import from_text
from mailroom.message import Mail

_QUOTE_INTRODUCED = {"de": "Am {when} schrieb {who}:", "en": "On {when}, {who} wrote:"}
_WHEN = {"de": "%d.%m.%Y um %H:%M", "en": "%d %B %Y at %H:%M"}


@dataclass(frozen=True, slots=True)
class Letter:
    sender: Address
    to: str
    subject: str
    text: str
    language: str
    html: str = ""
    cc: Sequence[Address] = ()
    files: Sequence[str] = ()
    inline: Sequence[str] = ()
    answered: Mail | None = None
    quotes: bool = False


def octets(letter: Letter) -> bytes:
    """As it goes over the wire."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = str(letter.sender)
    mail["To"] = letter.to
    if letter.cc:
        mail["Cc"] = ", ".join(map(str, letter.cc))
    mail["Subject"] = _subject(letter)
    mail["Date"] = format_datetime(timezone.localtime(clock.now()))
    mail["Message-ID"] = make_msgid(domain=letter.sender.domain)
    mail["Content-Language"] = letter.language
    if letter.answered:
        mail["In-Reply-To"] = letter.answered.message_id
        mail["References"] = " ".join([*letter.answered.references[-10:], letter.answered.message_id])
    _write_body(mail, letter)
    for name in letter.files:
        _attach(mail, name)
    return mail.as_bytes()


def _subject(letter: Letter) -> str:
    """The letter's own; of an answer, as mail programs make it: "AW:" in German ones, "Re:" in others."""
    if letter.subject or letter.answered is None:
        return letter.subject
    subject = letter.answered.subject.removeprefix("Re: ")
    return f"AW: {subject}" if letter.language == "de" else f"Re: {subject}"


def _write_body(mail: EmailMessage, letter: Letter) -> None:
    introduction = _introduction(letter)
    quoted = letter.answered.text.strip() if letter.answered and letter.quotes else ""
    text = letter.text
    if quoted:
        text += f"\n\n{introduction}\n" + "\n".join(f"> {line}".rstrip() for line in quoted.splitlines())
    mail.set_content(text + "\n")
    if not letter.html:
        return
    page = letter.html
    if quoted:
        page += f'<div class="moz-cite-prefix">{introduction}</div>'
        page += f'<blockquote type="cite">{from_text(quoted)}</blockquote>'
    for name in letter.inline:
        page = page.replace(f"cid:{name}", f"cid:{name}@{letter.sender.domain}")
    mail.add_alternative(f"<html><body>{page}</body></html>\n", subtype="html")
    for name in letter.inline:
        main, sub = files.content_type(name)
        mail.get_payload()[1].add_related(  # type: ignore[index,union-attr]  # the HTML part just added
            files.content(name), main, sub, cid=f"<{name}@{letter.sender.domain}>", filename=name, disposition="inline"
        )


def _introduction(letter: Letter) -> str:
    got = letter.answered
    if got is None or got.from_ is None:
        return ""
    when = timezone.localtime(got.date or clock.now()).strftime(_WHEN[letter.language])
    return _QUOTE_INTRODUCED[letter.language].format(when=when, who=got.from_.name or got.from_.spec)


def _attach(mail: EmailMessage, name: str) -> None:
    main, sub = files.content_type(name)
    mail.add_attachment(files.content(name), maintype=main, subtype=sub, filename=name)
