"""What becomes of mail in the played internet: the local part of an address decides, in every domain.

`full@`, `full+2@`, `full.berg@` and `full-x@` all share the fate `full`; `bounce-later@` has a longer name of its own.
A name that is not in the table is an ordinary mailbox. Texts are such as servers write, in our own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_noop


class Stage(StrEnum):
    """Where in the SMTP session the fate strikes."""

    NONE = "none"  # accepted
    MAIL = "mail"
    RCPT = "rcpt"
    DOT = "dot"  # after the message


class Reaction(StrEnum):
    """What comes back later, after the mail was accepted."""

    NONE = ""
    FAILURE = "failure"  # a report of failure, in the form of the fate
    DELAY = "delay"  # a delivery report: delayed; later one: delivered
    DELIVERED = "delivered"  # a delivery report: delivered
    COMPLAINT = "complaint"  # a feedback report
    VACATION = "vacation"  # an automatic reply
    CHALLENGE = "challenge"  # "please confirm that you are a person"
    RECEIPT = "receipt"  # a read receipt
    ANSWER = "answer"  # the customer writes back
    SILENCE = "silence"  # the mail is lost, and nobody tells


class Form(StrEnum):
    """How a report of failure looks; see `notices`."""

    STATUS = "status"  # a delivery-status part (RFC 3464), as Postfix writes
    QMAIL = "qmail"
    EXIM = "exim"
    SENDMAIL = "sendmail"
    EXCHANGE = "exchange"  # in German, as Microsoft 365 writes for a German organisation
    GMAIL = "gmail"
    DOMINO = "domino"
    JAPANESE = "japanese"  # a mobile operator
    BARE = "bare"  # names the recipient and no reason, as IIS does
    SIEVE = "sieve"  # a disposition notification, as the recipient's filter writes (RFC 5429)
    SES = "ses"  # JSON
    DROPPED = "dropped"  # JSON of a provider that did not try


class Drop(StrEnum):
    """How the connection ends instead of a reply."""

    NONE = ""
    CLOSE = "close"
    CLOSE_KEPT = "close_kept"  # after the mail was kept: the gap of RFC 1047


@dataclass(frozen=True, slots=True)
class Fate:
    name: str
    words: str  # what a reader of the sandbox page is told; a msgid
    stage: Stage = Stage.NONE
    reply: str = ""
    drop: Drop = Drop.NONE
    refusals: int | None = None  # only the first so many tries meet the fate; None: all
    wait: float = 0.0  # seconds before the reply
    reaction: Reaction = Reaction.NONE
    report: str = ""  # the reply text that a report tells of; "" where its form has words of its own
    form: Form = Form.STATUS

    @property
    def code(self) -> str:
        """Reply code and enhanced status of the reply, for people who look for one."""
        code, _, rest = self.reply.partition(" ")
        second = rest.partition(" ")[0]
        return f"{code} {second}" if second[:1].isdigit() else code

    @property
    def keeps(self) -> bool:
        """Does the mail end up in the mailbox (perhaps after some tries)?"""
        if self.reaction in (Reaction.FAILURE, Reaction.SILENCE):
            return False
        return self.stage == Stage.NONE or self.refusals is not None or self.drop == Drop.CLOSE_KEPT


def _refused(name: str, words: str, reply: str, stage: Stage = Stage.RCPT) -> Fate:
    return Fate(name, words, stage, reply)


def _table(fates: Iterable[Fate]) -> dict[str, Fate]:
    return {fate.name: fate for fate in fates}


OK = Fate("ok", gettext_noop("Accepted and put into the mailbox"))

FATES = _table(
    [
        OK,
        # the address
        _refused(
            "unknown",
            gettext_noop("There is no such mailbox"),
            "550 5.1.1 <{rcpt}>: Recipient address rejected: no mailbox of that name here",
        ),
        _refused("disabled", gettext_noop("The mailbox is switched off"), "550 5.2.1 The account <{rcpt}> is inactive"),
        _refused(
            "moved",
            gettext_noop("The person has left for another address"),
            "551 5.1.6 <{rcpt}> has moved, no forwarding address is known",
        ),
        _refused(
            "nocode",
            gettext_noop("Refused in plain words without an enhanced code"),
            "550 Requested action not taken: mailbox unavailable",
        ),
        _refused(
            "syntax",
            gettext_noop("The address is not well formed"),
            "501 5.1.3 <{rcpt}>: bad recipient address syntax",
        ),
        # the mailbox
        _refused("full", gettext_noop("The mailbox is full"), "552 5.2.2 <{rcpt}>: mailbox full, quota exceeded"),
        Fate(
            "quota",
            gettext_noop("The mailbox is full for now, and stays so"),
            Stage.RCPT,
            "452 4.2.2 <{rcpt}> is over quota, please try again later",
        ),
        # the message
        _refused(
            "spam",
            gettext_noop("Taken for spam"),
            "554 5.7.1 Message rejected: its content looks like spam (score 17.3)",
            Stage.DOT,
        ),
        _refused(
            "toobig",
            gettext_noop("The message is too big"),
            "552 5.3.4 Message size exceeds the limit of this server (10 MB)",
            Stage.DOT,
        ),
        _refused(
            "virus",
            gettext_noop("A file is taken for malware"),
            "554 5.7.0 Message refused: infected with Played.Virus",
            Stage.DOT,
        ),
        _refused(
            "attachment",
            gettext_noop("A kind of file is not allowed"),
            "552 5.7.0 Files of this type are not accepted here for reasons of security",
            Stage.DOT,
        ),
        # who we are to them
        _refused(
            "policy",
            gettext_noop("A rule of the receiver forbids it"),
            "550 5.7.1 Delivery not authorized by local policy",
        ),
        _refused(
            "dmarc",
            gettext_noop("Our mail does not pass DMARC"),
            "550 5.7.26 Unauthenticated mail from this domain is not accepted due to its DMARC policy",
            Stage.DOT,
        ),
        _refused(
            "blocked",
            gettext_noop("Our server stands on a block list"),
            "554 5.7.1 Service unavailable; client host [127.0.0.1] blocked using blocklist.sandbox.test",
        ),
        _refused(
            "members",
            gettext_noop("A list that only members may write to"),
            "550 5.7.133 Only members may send to this group",
        ),
        _refused(
            "partner",
            gettext_noop("A gateway in words that only a rule of your own explains; the demo has one"),
            "554 5.7.1 Refused by the gateway, rule 17",
        ),
        _refused(
            "relay", gettext_noop("That server does not serve the domain"), "550 5.7.1 <{rcpt}>: Relay access denied"
        ),
        _refused("loop", gettext_noop("Mail goes in circles there"), "554 5.4.6 Too many hops, mail loop suspected"),
        _refused(
            "tls",
            gettext_noop("Only encrypted connections are welcome"),
            "530 5.7.10 Encryption required, issue STARTTLS first",
        ),
        _refused(
            "noptr",
            gettext_noop("Our server has no name in reverse DNS"),
            "550 5.7.25 The sending address [127.0.0.1] has no PTR record",
        ),
        _refused(
            "sender",
            gettext_noop("Our sender address is not accepted"),
            "550 5.1.8 Sender address rejected: the domain cannot be answered",
        ),
        _refused(
            "protocol",
            gettext_noop("The servers do not understand each other"),
            "504 5.5.4 Command parameter not implemented",
        ),
        # time
        Fate(
            "greylist",
            gettext_noop("Refused once, then accepted"),
            Stage.RCPT,
            "451 4.7.1 Greylisted, please try again in a few seconds",
            refusals=1,
        ),
        Fate(
            "ratelimit",
            gettext_noop("We write too much: refused twice, then accepted"),
            Stage.RCPT,
            "450 4.7.28 Unusual rate of mail from your server, try again later",
            refusals=2,
        ),
        Fate(
            "busy",
            gettext_noop("The server has trouble of its own and never gets over it"),
            Stage.DOT,
            "451 4.3.0 Local error in processing, try again later",
        ),
        Fate("slow", gettext_noop("Accepted after a few seconds"), wait=4.0),
        Fate("down", gettext_noop("No connection: the server hangs up"), Stage.RCPT, drop=Drop.CLOSE),
        Fate(
            "maybe",
            gettext_noop("Kept, but the connection breaks before we are told; accepted when it comes again"),
            Stage.DOT,
            drop=Drop.CLOSE_KEPT,
            refusals=1,
        ),
        # afterwards
        Fate(
            "bounce-later",
            gettext_noop("Accepted; a report of failure follows"),
            reaction=Reaction.FAILURE,
            report="550 5.1.1 <{rcpt}>: user unknown in the virtual mailbox table",
        ),
        Fate(
            "bounce-full",
            gettext_noop("Accepted; a report follows that the mailbox is full"),
            reaction=Reaction.FAILURE,
            report="552 5.2.2 <{rcpt}>: mailbox is full",
        ),
        Fate(
            "bounce-text",
            gettext_noop("Accepted; a report of failure in plain words follows"),
            reaction=Reaction.FAILURE,
            report="550 5.1.1 no such user",
            form=Form.QMAIL,
        ),
        Fate(
            "bounce-exim",
            gettext_noop("Accepted; a report in the form of Exim follows: a program at the mailbox is broken"),
            reaction=Reaction.FAILURE,
            form=Form.EXIM,
        ),
        Fate(
            "bounce-sendmail",
            gettext_noop("Accepted; a report in the form of Sendmail follows: given up after days"),
            reaction=Reaction.FAILURE,
            form=Form.SENDMAIL,
        ),
        Fate(
            "bounce-exchange",
            gettext_noop("Accepted; a report in the form of Exchange follows, in German: only members may write"),
            reaction=Reaction.FAILURE,
            report="550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
            form=Form.EXCHANGE,
        ),
        Fate(
            "bounce-gmail",
            gettext_noop("Accepted; a report in the form of Gmail follows: the mailbox is switched off"),
            reaction=Reaction.FAILURE,
            report="550 5.2.1 The email account that you tried to reach is disabled.",
            form=Form.GMAIL,
        ),
        Fate(
            "bounce-domino",
            gettext_noop("Accepted; a report in the form of Domino follows: nobody of that name, without a code"),
            reaction=Reaction.FAILURE,
            form=Form.DOMINO,
        ),
        Fate(
            "bounce-japan",
            gettext_noop("Accepted; a report in Japanese follows: the mailbox is full"),
            reaction=Reaction.FAILURE,
            form=Form.JAPANESE,
        ),
        Fate(
            "bounce-bare",
            gettext_noop("Accepted; a report without any reason follows"),
            reaction=Reaction.FAILURE,
            form=Form.BARE,
        ),
        Fate(
            "bounce-ses",
            gettext_noop("Accepted; a provider reports the failure in JSON"),
            reaction=Reaction.FAILURE,
            report="554 5.7.1 Message rejected as spam",
            form=Form.SES,
        ),
        Fate(
            "bounce-sieve",
            gettext_noop("Accepted; the recipient's own filter refuses it, in the form of a receipt"),
            reaction=Reaction.FAILURE,
            form=Form.SIEVE,
        ),
        Fate(
            "bounce-dropped",
            gettext_noop("Accepted; a provider reports in JSON that the address is on its own list, so it did not try"),
            reaction=Reaction.FAILURE,
            form=Form.DROPPED,
        ),
        Fate(
            "delay",
            gettext_noop("Accepted; a report of delay follows, then one of delivery"),
            reaction=Reaction.DELAY,
            report="451 4.4.1 mailstore.{domain} does not answer",
        ),
        Fate("delivered", gettext_noop("Accepted; a report of delivery follows"), reaction=Reaction.DELIVERED),
        Fate("complain", gettext_noop("Accepted; the receiver reports it as spam"), reaction=Reaction.COMPLAINT),
        Fate("away", gettext_noop("Accepted; an absence note follows"), reaction=Reaction.VACATION),
        Fate("challenge", gettext_noop("Accepted; a request to confirm follows"), reaction=Reaction.CHALLENGE),
        Fate("receipt", gettext_noop("Accepted; a read receipt follows"), reaction=Reaction.RECEIPT),
        Fate("answer", gettext_noop("Accepted; the customer writes back"), reaction=Reaction.ANSWER),
        Fate("swallow", gettext_noop("Accepted and lost; no report ever comes back"), reaction=Reaction.SILENCE),
    ]
)
_LONGEST_FIRST = sorted(FATES, key=len, reverse=True)
_ENDS = "+-."


def fate_of(address: str) -> Fate:
    """The fate of the mailbox `local@domain`."""
    local = address.rpartition("@")[0].lower()
    for name in _LONGEST_FIRST:
        if local == name or (local.startswith(name) and local[len(name)] in _ENDS):
            return FATES[name]
    return OK
