"""Did the author's domain vouch for the mail? By our own MX's word where AUTHSERV_ID names it, else asked from DNS.

Policy: the proof is about From. Where the author was found elsewhere (Reply-To of a contact form, the envelope), there
is none. No answer from DNS is no proof, and one mail may cost AUTHENTICATION_SECONDS, not more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from answerback.core import clock, resolver
from answerback.store import raw
from answerback.store.models import RawMail
from mailroom import authentication
from mailroom.address import Address
from mailroom.authentication import Authentication, LookupFailed
from mailroom.message import Mail

ONE_LOOKUP_SECONDS = 3.0


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

    until: float  # clock.now() as a timestamp

    @classmethod
    def within(cls, seconds: float) -> _Names:
        return cls(clock.now().timestamp() + seconds)

    def find(self, name: str, kind: str) -> Sequence[str]:
        """The records as mailroom.authentication wants them. LookupFailed."""
        left = min(self.until - clock.now().timestamp(), ONE_LOOKUP_SECONDS)
        if left <= 0:
            raise LookupFailed("the time for this mail is up")
        try:
            return resolver.records(name, kind, left)
        except resolver.NoAnswerError as error:
            raise LookupFailed(str(error)) from error
