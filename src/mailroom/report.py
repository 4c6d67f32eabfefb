"""`DeliveryReport`: what somebody said about one recipient of one message.

The same value comes from an SMTP reply, a failed connection, an RFC 3464 report, a line of a qmail notice, an ARF
complaint or a provider's webhook, so that everything after it (cause, state, words on the screen) is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from mailroom.status import EnhancedStatus


class Action(StrEnum):
    """What happened to the recipient (RFC 3464 §2.3.3, and complaints)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    COMPLAINT = "complaint"


class Scope(StrEnum):
    """How far a failure reaches (after Postfix's smtp_trouble.c)."""

    SESSION = "session"  # this connection only: try another host or later
    SITE = "site"  # every message to this destination: our login, their outage, no route
    MESSAGE = "message"  # this message to anybody there
    RECIPIENT = "recipient"  # this recipient only


class Source(StrEnum):
    """Who said it."""

    SESSION = "session"  # the server, in our own SMTP session
    CLIENT = "client"  # our own SMTP client: no connection, no DNS answer, time-out, TLS
    REPORT = "report"  # a delivery report that came back by mail
    FEEDBACK = "feedback"  # an ARF feedback report
    WEBHOOK = "webhook"  # a provider's event
    EXPIRY = "expiry"  # nobody: we gave up waiting


class Stage(StrEnum):
    """Where in our SMTP dialogue it happened."""

    DNS = "dns"
    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    QUIT = "quit"


class DeliveryReport(NamedTuple):
    """What was said about one recipient.

    `permanent` is the verdict "given up / will not work again unchanged"; `action` FAILED with `permanent` False is a
    transient refusal in our own session (we go on) or a report of a given-up transient condition (they do not).
    A code that nobody said is empty, never made up.
    """

    recipient: str  # address as the report names it; "" where it names nobody
    action: Action
    permanent: bool = False
    reply_code: int | None = None  # 550
    status: EnhancedStatus | None = None  # 5.1.1
    diagnostic: str = ""  # the text as given, lines joined by "\n", at most 8 KiB
    reporting_mta: str = ""
    remote_mta: str = ""  # host name or address of the server that said it
    scope: Scope = Scope.RECIPIENT
    source: Source = Source.SESSION
    stage: Stage | None = None  # only for our own sessions
    ambiguous: bool = False  # RFC 1047: the final dot was sent, no reply came
    ours: bool = False  # our fault, not theirs: relay login, relay down, disk
    cause: str = ""  # catalogue key, once `mailroom.causes` has named it
    feedback_type: str = ""  # RFC 5965: abuse, fraud, not-spam, opt-out, ...
    expired: bool = False  # somebody gave up after waiting
    retry_after: int | None = None  # seconds, where the reply said "try again in N"
    original_message_id: str = ""
    original_recipient: str = ""  # RFC 3464 Original-Recipient
    delivery_token: str = ""  # our signed mark, where it came back beside just this report; not verified here
    queue_id: str = ""  # what the provider calls the mail; its 250 names it as well
    told_by: str = ""  # the provider of a mail service whose event it is ("postmark"), "" where it is none
    origins: Mapping[str, str] = MappingProxyType({})  # field name -> where its reader looks; see `told_from`

    @property
    def told_from(self) -> dict[str, str]:
        """Where each value that is there was found: "status" -> "diagnostic-code"."""
        absent = {
            "recipient": not self.recipient,
            "status": self.status is None,
            "reply_code": self.reply_code is None,
            "diagnostic": not self.diagnostic,
        }
        return {name: origin for name, origin in self.origins.items() if not absent.get(name)}
