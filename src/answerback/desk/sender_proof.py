"""Did the author's domain vouch for the mail? By our own MX's word where AUTHSERV_ID names it, else asked from DNS.

Policy: the proof is about From. Where the author was found elsewhere (Reply-To of a contact form, the envelope), there
is none. No answer from DNS is no proof, and one mail may cost AUTHENTICATION_SECONDS, not more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings

from answerback.core import clock
from answerback.core.resolver import resolver
from answerback.store import raw
from answerback.store.models import RawMail
from mailroom import address as addresses
from mailroom import authentication
from mailroom.address import Address
from mailroom.authentication import Authentication, LookupFailed
from mailroom.message import Mail

ONE_LOOKUP_SECONDS = 3.0
_NO = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)
_NO_NAME = (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape, UnicodeError)


def authenticate(raw_mail: RawMail, mail: Mail, author: Address) -> Authentication:
    """What is known of the author's domain. Never raises for what the network does."""
    if mail.from_ is None or mail.from_.normal != author.normal:
        return Authentication()
    if settings.AUTHSERV_ID:
        return authentication.from_headers(mail, settings.AUTHSERV_ID)
    names = _Names.within(settings.AUTHENTICATION_SECONDS)
    content = raw.content(raw_mail)
    return authentication.authenticate(content, raw_mail.peer, raw_mail.helo, raw_mail.envelope_from, names.find)


@dataclass
class _Names:
    """DNS until the time is up."""

    server: dns.resolver.Resolver
    asks_internet: bool
    until: float  # clock.now() as a timestamp

    @classmethod
    def within(cls, seconds: float) -> _Names:
        return cls(resolver(), not settings.RESOLVER, clock.now().timestamp() + seconds)

    def find(self, name: str, kind: str) -> Sequence[str]:
        """The records as mailroom.authentication wants them. LookupFailed."""
        if self.asks_internet and addresses.is_reserved(name):
            return []  # no such name out there, and asking would only tell others
        left = min(self.until - clock.now().timestamp(), ONE_LOOKUP_SECONDS)
        if left <= 0:
            raise LookupFailed("the time for this mail is up")
        try:
            found = self.server.resolve(name, kind, lifetime=left, search=False)
        except _NO:
            return []
        except _NO_NAME:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(str(error)) from error
        return [_as_text(record, kind) for record in found]


def _as_text(record: object, kind: str) -> str:
    strings: Sequence[bytes] | None = getattr(record, "strings", None)
    if kind == "TXT" and strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    return str(record)
