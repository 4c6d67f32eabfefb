"""A mail as the desk sees it: who wrote it, whether they proved it, and what they wrote.

Policy: the author is From. Where From is an address of ours (a contact form on the own web site), it is Reply-To;
where there is none, the envelope's sender. Names and addresses shown are the real ones; nothing a mail says about
itself in X- fields of ours counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from answerback.desk.arriving import sender_proof
from answerback.people import identities
from answerback.store import blobs, raw
from answerback.store.models import RawMail
from answerback.tickets import addresses as support_addresses
from answerback.tickets.changes import NewAttachment
from mailroom import address as addresses
from mailroom import html as mail_html
from mailroom import quoting
from mailroom.address import Address
from mailroom.authentication import Authentication
from mailroom.message import Limits, Mail, Part
from mailroom.return_path import RETURN_PATH_PREFIX

MAX_TEXT = 500_000  # characters of one comment; the raw mail keeps the rest
MAX_HTML = 8 * MAX_TEXT  # after sanitising, which may write more than it read; never reached by honest mail
SERVICE_NAMES = frozenset({"postmaster", "abuse"})


@dataclass(frozen=True)
class Arrival:
    raw: RawMail
    mail: Mail
    automatic: str  # why it counts as automatic; "" = a person wrote it
    author: Address
    proof: Authentication
    kind: str = ""  # what mailroom.sorting said

    @property
    def sender(self) -> str:
        """From as it stands in the mail, for showing."""
        return str(self.mail.from_ or self.author)


@dataclass(frozen=True)
class Content:
    """What is new and what is quoted; HTML is sanitised."""

    text: str
    html: str
    quoted_text: str
    quoted_html: str


def limits() -> Limits:
    return Limits(
        size=settings.MAX_MESSAGE_SIZE,
        header_octets=settings.MAX_HEADER_BYTES,
        headers=settings.MAX_HEADERS,
        parts=settings.MAX_PARTS,
        depth=settings.MAX_DEPTH,
    )


def read(raw_mail: RawMail, mail: Mail, automatic: str, author: Address, kind: str = "") -> Arrival:
    """Ask the network for proof of the author. Takes at most AUTHENTICATION_SECONDS; belongs outside transactions."""
    return Arrival(raw_mail, mail, automatic, author, sender_proof.authenticate(raw_mail, mail, author), kind)


def author_of(raw_mail: RawMail, mail: Mail) -> Address | None:
    """Whom the mail is from, before anything is proved. None where there is nobody to name."""
    written = mail.from_ or mail.sender or addresses.parse_address(raw_mail.envelope_from)
    if written and is_ours(written):
        return next((other for other in mail.reply_to if not is_ours(other)), written)
    return written


def is_ours(address: Address) -> bool:
    """A support address, a return path, or postmaster or abuse beside them."""
    if support_addresses.is_ours(address.spec):
        return True
    local, _, domain = address.normal.rpartition("@")
    if domain == _ascii(settings.RETURN_PATH_DOMAIN) and local.startswith(RETURN_PATH_PREFIX):
        return True
    return local in SERVICE_NAMES and domain in {_ascii(settings.MAIL_DOMAIN), _ascii(settings.RETURN_PATH_DOMAIN)}


def others_named(arrival: Arrival) -> list[Address]:
    """Everybody in To and Cc but us, the author and people who work here, each once, in order; at most MAX_CCS."""
    found: dict[str, Address] = {}
    for address in [*arrival.mail.to, *arrival.mail.cc]:
        if len(found) == settings.MAX_CCS:
            break
        if address.normal not in found and _may_be_cc(address, arrival.author):
            found[address.normal] = address
    return list(found.values())


def content_of(mail: Mail) -> Content:
    """Split new from quoted, sanitise last. A mail that seems to be all quotation is shown whole."""
    html = quoting.split_html(mail.html[:MAX_TEXT])
    new_html, quoted_html = (mail_html.sanitise(part) if part else "" for part in (html.new, html.quoted))
    if _has_plain_text(mail) or not mail.html:
        text = quoting.split_text(mail.text[:MAX_TEXT])
    else:
        text = quoting.Split(mail_html.to_text(new_html), mail_html.to_text(quoted_html))
    new_text, quoted_text = (raw.storable(part.strip(), MAX_TEXT) for part in (text.new, text.quoted))
    new_html, quoted_html = (raw.storable(part, MAX_HTML) for part in (new_html, quoted_html))
    if not new_text and not new_html:
        return Content(quoted_text, quoted_html, "", "")
    return Content(new_text, new_html, quoted_text, quoted_html)


def _has_plain_text(mail: Mail) -> bool:
    """Did the sender write a text part? `Mail.text` is made from the HTML where not."""
    return any(part.content_type == "text/plain" and not part.file_name for part in mail.parts)


def write_files(mail: Mail) -> list[NewAttachment]:
    """Put the mail's files on disk, at most MAX_ATTACHMENTS. Before the transaction, in which `save_files` follows."""
    return [_write(part) for part in mail.attachments[: settings.MAX_ATTACHMENTS]]


def save_files(files: Sequence[NewAttachment]) -> None:
    """Write the rows of files that are on disk."""
    for file in files:
        file.blob.save()


def _write(part: Part) -> NewAttachment:
    return NewAttachment(
        blob=blobs.write(part.content),
        file_name=raw.storable(part.file_name, 255),
        content_type=raw.storable(part.content_type, 127),
        inline=part.inline and bool(part.content_id),
        content_id=raw.storable(part.content_id, 255),
    )


def _may_be_cc(address: Address, author: Address) -> bool:
    if address.normal == author.normal or addresses.syntax_problem(address.spec) or is_ours(address):
        return False
    identity = identities.find(address.spec)
    return identity is None or not hasattr(identity.person, "account")


def _ascii(domain: str) -> str:
    return addresses.ascii_domain(domain) or domain.lower()
