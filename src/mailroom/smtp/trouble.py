"""What every failure of our SMTP client means: the one error policy.

The policy, in prose (after the scopes of Postfix's smtp_trouble.c):

* A reply speaks about as much as its stage: a banner about the whole site, MAIL about the message, RCPT about the
  recipient. 4xx is transient. 5xx is final from MAIL on; in the banner only when every host says so (the caller asks
  `telling`); after EHLO and STARTTLS never.
* 552 to RCPT is about the mailbox. With one recipient a transaction it cannot mean "too many recipients", as it does
  from old servers that ought to say 452 (RFC 5321 §4.5.3.1.10).
* 421 closes the session and is transient for whatever had no answer yet.
* What is our fault never fails a recipient: a refused or impossible login, a relay that cannot be reached, spoken to or
  protected, our own machine. It waits, marked `ours`.
* No answer (connection lost, time-out, TLS, nonsense) is transient, after the final dot also ambiguous (RFC 1047).
* What our client knows before it speaks (too big, needs an extension that is not offered) is final, and says that it
  was the client who said it.
* An unknown failure is transient.

Enhanced statuses of client-side failures are ours to give (RFC 3463: we are the reporting MTA); a reply code is given
only where the words of the plan demand it: 552 for a message that the server's SIZE excludes.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailroom.report import Action, DeliveryReport, Scope, Source, Stage
from mailroom.smtp.reply import Reply
from mailroom.status import EnhancedStatus


class Fault(StrEnum):
    """A failure that no reply tells."""

    UNREACHABLE = "unreachable"
    LOST = "lost"
    TIMEOUT = "timeout"
    GARBAGE = "garbage"
    TLS = "tls"
    NO_TLS = "no_tls"
    POLICY = "policy"
    LOGIN_IN_CLEAR = "login_in_clear"
    NO_LOGIN = "no_login"
    NO_ACCESS = "no_access"
    LOCAL = "local"
    NO_DOMAIN = "no_domain"
    NULL_MX = "null_mx"
    NO_ROUTE = "no_route"
    LOOP = "loop"
    DNS = "dns"
    TOO_BIG = "too_big"
    NEEDS_SMTPUTF8 = "needs_smtputf8"
    NEEDS_8BITMIME = "needs_8bitmime"
    BAD_RECIPIENT = "bad_recipient"
    BAD_SENDER = "bad_sender"


@dataclass(frozen=True, slots=True)
class StageRule:
    """What a refusal at this stage speaks about, and whether 5xx is final here."""

    scope: Scope
    final: bool


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`scope` None: the site before MAIL, this session after it."""

    status: str
    sentence: str
    scope: Scope | None = None
    permanent: bool = False
    ours: bool = False
    code: int | None = None


STAGES: Mapping[Stage, StageRule] = {
    Stage.BANNER: StageRule(Scope.SITE, final=True),
    Stage.EHLO: StageRule(Scope.SITE, final=False),
    Stage.STARTTLS: StageRule(Scope.SITE, final=False),
    Stage.AUTH: StageRule(Scope.SITE, final=False),
    Stage.MAIL: StageRule(Scope.MESSAGE, final=True),
    Stage.RCPT: StageRule(Scope.RECIPIENT, final=True),
    Stage.DATA: StageRule(Scope.MESSAGE, final=True),
    Stage.BODY: StageRule(Scope.MESSAGE, final=True),
    Stage.DOT: StageRule(Scope.MESSAGE, final=True),
}

FAULTS: Mapping[Fault, FaultRule] = {
    Fault.UNREACHABLE: FaultRule("4.4.1", "no connection to {remote}"),
    Fault.LOST: FaultRule("4.4.2", "{remote} closed the connection"),
    Fault.TIMEOUT: FaultRule("4.4.2", "no answer from {remote} in time"),
    Fault.GARBAGE: FaultRule("4.5.0", "{remote} did not speak SMTP"),
    Fault.TLS: FaultRule("4.7.5", "no protected connection to {remote}"),
    Fault.NO_TLS: FaultRule("4.7.4", "{remote} offers no STARTTLS, which is demanded"),
    Fault.POLICY: FaultRule("4.7.5", "{remote} is not what the policy of its domain (MTA-STS) demands"),
    Fault.LOGIN_IN_CLEAR: FaultRule("4.7.11", "the password was not sent to {remote} without TLS", ours=True),
    Fault.NO_LOGIN: FaultRule("4.7.4", "{remote} offers no login that we can use", ours=True),
    Fault.NO_ACCESS: FaultRule("4.7.0", "no access token (OAuth2) for {remote} could be had", ours=True),
    Fault.LOCAL: FaultRule("4.3.0", "this machine could not do its part", ours=True),
    Fault.NO_DOMAIN: FaultRule("5.1.2", "there is no such domain", Scope.SITE, permanent=True),
    Fault.NULL_MX: FaultRule("5.1.10", "the domain says that it takes no mail (null MX)", Scope.SITE, permanent=True),
    Fault.NO_ROUTE: FaultRule("5.4.4", "the domain has no mail server", Scope.SITE, permanent=True),
    Fault.LOOP: FaultRule("5.4.6", "the domain names us as its mail server", Scope.SITE, permanent=True),
    Fault.DNS: FaultRule("4.4.3", "the name service gave no answer"),
    Fault.TOO_BIG: FaultRule("5.3.4", "the message is too big for {remote}", Scope.MESSAGE, permanent=True, code=552),
    Fault.NEEDS_SMTPUTF8: FaultRule(
        "5.6.7", "{remote} takes no mail with addresses beyond ASCII (SMTPUTF8)", Scope.RECIPIENT, permanent=True
    ),
    Fault.NEEDS_8BITMIME: FaultRule("5.6.3", "{remote} takes 7-bit mail only", Scope.MESSAGE, permanent=True),
    Fault.BAD_RECIPIENT: FaultRule("5.1.3", "this cannot be an address", Scope.RECIPIENT, permanent=True),
    Fault.BAD_SENDER: FaultRule("4.1.7", "our sender address cannot be one", Scope.MESSAGE, ours=True),
}

BEFORE_MAIL = frozenset({Stage.DNS, Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
LOGIN_CODES = frozenset({530, 534, 535, 538})  # RFC 4954 §6: from a relay of ours they speak about us at any stage
LOCAL_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


class Trouble(Exception):  # noqa: N818 – said in the field's word
    """Something went wrong in a session. It travels inside this package only; `report` makes a value of it."""

    def __init__(
        self,
        stage: Stage,
        *,
        reply: Reply | None = None,
        fault: Fault | None = None,
        detail: str = "",
        remote: str = "",
    ) -> None:
        super().__init__(stage, reply, fault, detail)
        self.stage = stage
        self.reply = reply
        self.fault = fault
        self.detail = detail
        self.remote = remote

    @property
    def next_host(self) -> bool:
        """Whether another host may be asked: nothing has been accepted, and nobody spoke about the mail.

        A 421 to MAIL says "not on this connection"; from RCPT on it may be about the recipient and is the answer.
        """
        if self.fault is not None:
            return self.stage is not Stage.DOT and not FAULTS[self.fault].permanent
        return self.ends_session and self.stage is Stage.MAIL

    @property
    def ends_session(self) -> bool:
        return self.fault is not None or (self.reply is not None and self.reply.code == 421)


def connection_fault(error: OSError | ValueError, address: str) -> Fault:
    """What an error means while connecting to the address: the operating system's, or one about a host that is none.

    No address of ours to speak from means that we have run out of ports; with IPv6, that this machine has none of it,
    which is as good as no way to there.
    """
    if isinstance(error, TimeoutError):
        return Fault.TIMEOUT
    if isinstance(error, ValueError):
        return Fault.UNREACHABLE
    if error.errno == errno.EADDRNOTAVAIL and ":" in address:
        return Fault.UNREACHABLE
    return Fault.LOCAL if error.errno in LOCAL_ERRORS else Fault.UNREACHABLE


def telling(troubles: Sequence[Trouble], by_relay: bool) -> Trouble:
    """The one trouble that speaks for all hosts: a final one only if all are, and words rather than silence."""
    transient = [trouble for trouble in troubles if not report(trouble, by_relay=by_relay).permanent]
    return max(transient or troubles, key=lambda trouble: trouble.reply is not None)


def report(trouble: Trouble, recipient: str = "", *, by_relay: bool) -> DeliveryReport:
    """The trouble as a report. `by_relay`: the server is a relay of ours, so that its absence is our fault."""
    if trouble.fault is None and trouble.reply is not None:
        return _refused(trouble, trouble.reply, recipient, by_relay)
    return _unanswered(trouble, trouble.fault or Fault.LOST, recipient, by_relay)


def accepted(reply: Reply, recipient: str, remote: str) -> DeliveryReport:
    """The next hop took it. That is not "delivered"."""
    return DeliveryReport(
        recipient,
        Action.RELAYED,
        reply_code=reply.code,
        status=reply.status,
        diagnostic=reply.text,
        remote_mta=remote,
        stage=Stage.DOT,
    )


def _refused(trouble: Trouble, reply: Reply, recipient: str, by_relay: bool) -> DeliveryReport:
    rule = STAGES[trouble.stage]
    login = trouble.stage is Stage.AUTH or (
        by_relay and reply.code in LOGIN_CODES
    )  # strangers' MX know no login of ours
    ours = login or (by_relay and trouble.stage in BEFORE_MAIL)
    scope = Scope.SITE if ours else Scope.SESSION if reply.code == 421 else rule.scope
    return DeliveryReport(
        recipient,
        Action.FAILED,
        permanent=reply.code >= 500 and rule.final and not ours,
        reply_code=reply.code,
        status=reply.status,
        diagnostic=reply.text,
        remote_mta=trouble.remote,
        scope=scope,
        source=Source.SESSION,
        stage=trouble.stage,
        ours=ours,
        retry_after=reply.retry_after,
    )


def _unanswered(trouble: Trouble, fault: Fault, recipient: str, by_relay: bool) -> DeliveryReport:
    rule = FAULTS[fault]
    sentence = rule.sentence.format(remote=trouble.remote or "the server")
    return DeliveryReport(
        recipient,
        Action.FAILED,
        permanent=rule.permanent,
        reply_code=rule.code,
        status=EnhancedStatus.parse(rule.status),
        diagnostic=f"{sentence}: {trouble.detail}" if trouble.detail else sentence,
        remote_mta=trouble.remote,
        scope=rule.scope or (Scope.SITE if trouble.stage in BEFORE_MAIL else Scope.SESSION),
        source=Source.CLIENT,
        stage=trouble.stage,
        ambiguous=trouble.stage is Stage.DOT,
        ours=rule.ours or (by_relay and trouble.stage in BEFORE_MAIL),
    )
