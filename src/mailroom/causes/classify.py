"""Name the cause of what a delivery report says. One classifier for SMTP replies, bounces, webhooks and our own client.

Policy, in order; the first answer counts:

1. Of a failure or a delay the administrator's own rules (`own`), the first that fits.
2. A cause that a reader already knows is kept; a report of success or a complaint is that.
3. What our own client met (DNS, connection, TLS, login) is known by where it happened, not by words.
4. `wording`: exact words of known providers, web addresses included.
5. `phrases`: words in many languages. Where several fit, `catalogue/order.toml` decides.
6. A specific enhanced code, the vendor's meaning before the registered one; then a specific reply code (521, 556).
7. `weak`: words that mean something only where nothing better is said.
8. A vague enhanced code (X.7.1, X.0.0, X.5.0, ...), then the bare reply code with its stage: 552 at RCPT is about the
   mailbox, after DATA about the message.
9. Nothing but time passed: `expired`; else `unknown`.

Expiry is last, so that a mail given up after "mailbox full" keeps that cause. A word about the recipient that came in
answer to MAIL FROM is about our sender address. Addresses, host names and web addresses are taken out before words are
looked for: `<spam@blocked.example>: user unknown` is not spam.

How words are found stands in `wording`. All matching is linear in the length of the text, of which 8 KiB are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from mailroom.causes.catalogue import UNKNOWN, Catalogue, StatusCode, load
from mailroom.causes.own import OwnRule
from mailroom.causes.wording import Phrase, Phrases, plain
from mailroom.report import Action, DeliveryReport, Source, Stage
from mailroom.status import EnhancedStatus

MAX_TEXT = 8192
OWN = "own"  # what `Verdict.rule` begins with where an administrator's own rule named it


@dataclass(frozen=True, slots=True)
class Verdict:
    """The key of a cause, and the rule that named it, such as "phrase:mailbox full" or "status:5.2.2"."""

    cause: str
    rule: str


def classify(report: DeliveryReport, own: Sequence[OwnRule] = ()) -> Verdict:
    """The cause of the report; always an answer, "unknown" at worst. `own`: rules that are asked first."""
    case = _Case(report, tuple(own))
    if verdict := _own_rule(case):
        return verdict
    for step in _STEPS:
        verdict = step(case)
        if verdict is not None:
            return _about_sender(case, verdict)
    return Verdict(UNKNOWN, "none")


class _Case:
    """One report, with its text made ready for matching."""

    def __init__(self, report: DeliveryReport, own: tuple[OwnRule, ...]) -> None:
        self.report, self.own = report, own

    @cached_property
    def text(self) -> str:
        """All words, web addresses and host names still in."""
        return plain(self.report.diagnostic[:MAX_TEXT])

    @cached_property
    def words(self) -> str:
        """The text without addresses, host names, web addresses and codes."""
        text = _URL.sub(" ", self.text)
        text = _ADDRESS.sub("<address>", text) if "@" in text else text
        text = _HOST.sub("<host>", text)
        for wrapper in load().wrappers:
            text = text.replace(wrapper, " ")
        return " ".join(_CODE.sub(" ", text).replace("_", " ").split())

    @cached_property
    def statuses(self) -> list[EnhancedStatus]:
        """The report's status and the first one in its text: an outer 5.0.0 often wraps an inner 5.7.1."""
        found = EnhancedStatus.find(self.report.diagnostic[:MAX_TEXT])
        return [status for status in (self.report.status, found) if status is not None and status.class_ != 2]

    @cached_property
    def stage(self) -> Stage | None:
        """Where in the dialogue it happened: known in our own session, told by many notices."""
        if self.report.stage is not None:
            return self.report.stage
        return next((stage for words, stage in _STAGE_WORDS if words in self.text), None)


_URL = re.compile(r"\b(?:https?://|www\.)[^\s>\"')]{1,500}")
_ADDRESS = re.compile(r"<?[^\s<>@\"',;:()\[\]]{1,64}@[^\s<>@\"',;()]{1,255}>?")
_HOST = re.compile(r"(?<![\w.-])[\w-]{1,63}\.[\w-]{1,63}\.[\w.-]{2,128}")
_CODE = re.compile(r"(?<![\w.])[245]\d\d(?=[\s\-:#<])[\s-]?|#?(?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?![\w.]\w)")

_STAGE_WORDS: Sequence[tuple[str, Stage]] = (
    ("in reply to rcpt to", Stage.RCPT),
    ("after rcpt to", Stage.RCPT),
    ("after rcpt command", Stage.RCPT),
    ("like our rcpt to", Stage.RCPT),
    ("does not like recipient", Stage.RCPT),
    ("[rcpt_to]", Stage.RCPT),
    ("in reply to mail from", Stage.MAIL),
    ("after mail from", Stage.MAIL),
    ("but sender was rejected", Stage.MAIL),
    ("in reply to end of data", Stage.DOT),
    ("after end of data", Stage.DOT),
    ("failed after i sent the message", Stage.DOT),
    ("in reply to data", Stage.DATA),
    ("after initial connection", Stage.BANNER),
    ("refused to talk to me", Stage.BANNER),
)

_QUIET: Mapping[Action, str] = {
    Action.DELIVERED: "delivered",
    Action.RELAYED: "relayed",
    Action.EXPANDED: "relayed",
    Action.COMPLAINT: "complaint",
}

_CLIENT_STAGES: Mapping[Stage, str] = {
    Stage.DNS: "dns_failure",
    Stage.STARTTLS: "tls_required",
    Stage.AUTH: "login_refused",
}

# In answer to MAIL FROM these can only be about the sender.
_RECIPIENT_CAUSES = frozenset(
    {"address_unknown", "domain_unknown", "domain_no_mail", "address_syntax", "address_moved"}
)


def _own_rule(case: _Case) -> Verdict | None:
    if not case.own or case.report.action not in (Action.FAILED, Action.DELAYED):
        return None
    return _named(OWN, _own_phrases(case.own).best(case.text))


def _kept(case: _Case) -> Verdict | None:
    return Verdict(case.report.cause, "reader") if case.report.cause else None


def _no_failure(case: _Case) -> Verdict | None:
    cause = _QUIET.get(case.report.action)
    return Verdict(cause, f"action:{case.report.action}") if cause else None


def _our_client(case: _Case) -> Verdict | None:
    """What happened in our own client, where no server spoke."""
    if case.report.source is not Source.CLIENT:
        return None
    stage = case.report.stage
    # A network code only repeats the stage; any other one (message too big, SMTPUTF8 missing, null MX) says more.
    told = next((status for status in case.statuses if status.subject != 4 or str(status) == "5.4.4"), None)
    if told is not None and stage not in (Stage.STARTTLS, Stage.AUTH):
        verdict = _by_status(case, told, vague=False)
        if verdict is not None:
            return verdict
    cause = _CLIENT_STAGES.get(stage, "connection_failed") if stage else "connection_failed"
    return Verdict(cause, f"client:{stage}")


def _our_login(case: _Case) -> Verdict | None:
    """Refused AUTH and STARTTLS are about us, whatever the server says of it."""
    if case.report.source is Source.SESSION and case.report.stage in (Stage.AUTH, Stage.STARTTLS):
        return Verdict(_CLIENT_STAGES[case.report.stage], f"stage:{case.report.stage}")
    return None


def _provider_wording(case: _Case) -> Verdict | None:
    return _named("wording", _rules().wording.best(case.text))


def _phrase(case: _Case) -> Verdict | None:
    return _named("phrase", _rules().phrases.best(case.words))


def _specific_status(case: _Case) -> Verdict | None:
    return _first(_by_status(case, status, vague=False) for status in case.statuses)


def _weak_phrase(case: _Case) -> Verdict | None:
    return _named("weak", _rules().weak.best(case.words))


def _vague_status(case: _Case) -> Verdict | None:
    return _first(_by_status(case, status, vague=True) for status in case.statuses)


def _specific_reply_code(case: _Case) -> Verdict | None:
    return _by_reply_code(case, specific=True)


def _any_reply_code(case: _Case) -> Verdict | None:
    return _by_reply_code(case, specific=False)


def _only_time_passed(case: _Case) -> Verdict | None:
    report = case.report
    if report.expired or report.source is Source.EXPIRY:
        return Verdict("expired", "expired")
    if report.action is Action.DELAYED:
        return Verdict("expired" if report.diagnostic else "delayed", "delay")
    return None


_STEPS: Sequence[Callable[[_Case], Verdict | None]] = (
    _kept,
    _no_failure,
    _our_client,
    _our_login,
    _provider_wording,
    _phrase,
    _specific_status,
    _specific_reply_code,
    _weak_phrase,
    _vague_status,
    _any_reply_code,
    _only_time_passed,
)


def _about_sender(case: _Case, verdict: Verdict) -> Verdict:
    if case.stage is Stage.MAIL and verdict.cause in _RECIPIENT_CAUSES:
        return Verdict("sender_refused", f"{verdict.rule}@mail")
    return verdict


def _by_status(case: _Case, status: EnhancedStatus, *, vague: bool) -> Verdict | None:
    """What the code means by itself, to the vendor that said it if we know the vendor."""
    vendors = {vendor for vendor, parts in load().vendor_hosts.items() if _names_vendor(case, parts)}
    for entry in _rules().statuses_for(status):
        believed = not entry.only_vendor or entry.vendor in vendors
        if believed and entry.vague is vague and entry.cause != UNKNOWN:
            return Verdict(entry.cause, f"status:{status}")
    return None


def _by_reply_code(case: _Case, *, specific: bool) -> Verdict | None:
    """What the bare code means at the stage where it was said, else anywhere."""
    code = case.report.reply_code
    if code is None:
        return None
    for stage in (case.stage, None):
        entry = _rules().replies.get((code, stage))
        if entry is not None and entry.specific is specific:
            return Verdict(entry.cause, f"reply:{code}@{stage}" if stage else f"reply:{code}")
    return None


def _names_vendor(case: _Case, parts: Iterable[str]) -> bool:
    said_by = f"{case.report.remote_mta} {case.report.reporting_mta}".lower()
    return any(part in case.text or part in said_by for part in parts)


def _named(strength: str, phrase: Phrase | None) -> Verdict | None:
    return Verdict(phrase.cause, f"{strength}:{phrase.source}") if phrase else None


def _first(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    return next((verdict for verdict in verdicts if verdict is not None), None)


class _Rules:
    """The catalogue made ready for matching."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.wording = Phrases(_phrases(catalogue, lambda key: catalogue.causes[key].wording))
        self.phrases = Phrases(_phrases(catalogue, lambda key: catalogue.causes[key].phrases))
        self.weak = Phrases(_phrases(catalogue, lambda key: catalogue.causes[key].weak))
        self.replies = {(reply.code, reply.stage): reply for reply in catalogue.reply_codes}
        self._statuses = _statuses_by_detail(catalogue.status_codes)
        self._ranges = [(entry, *_range(entry.code)) for entry in catalogue.status_codes if "-" in entry.code]

    def statuses_for(self, status: EnhancedStatus) -> list[StatusCode]:
        """Entries for this code, vendors first, the exact class before any class."""
        tail = f"{status.subject}.{status.detail}"
        exact = self._statuses.get(f"{status.class_}.{tail}", [])
        any_class = self._statuses.get(f"X.{tail}", [])
        in_range = [
            entry
            for entry, prefix, low, high in self._ranges
            if f"{status.class_}.{status.subject}" == prefix and low <= status.detail <= high
        ]
        return sorted([*exact, *in_range, *any_class], key=lambda entry: not entry.vendor)


@lru_cache(maxsize=8)  # those that count, and what somebody tries
def _own_phrases(rules: tuple[OwnRule, ...]) -> Phrases:
    return Phrases(Phrase.of(rank, rule.cause, rule.words) for rank, rule in enumerate(rules))


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    return _Rules(load())


def _phrases(catalogue: Catalogue, texts_of: Callable[[str], tuple[str, ...]]) -> Iterable[Phrase]:
    for rank, key in enumerate(catalogue.order):
        for source in texts_of(key):
            yield Phrase.of(rank, key, source)


def _statuses_by_detail(entries: Iterable[StatusCode]) -> dict[str, list[StatusCode]]:
    found: dict[str, list[StatusCode]] = {}
    for entry in entries:
        found.setdefault(entry.code, []).append(entry)
    return found


def _range(code: str) -> tuple[str, int, int]:
    """("5.7", 606, 649) of "5.7.606-649"."""
    prefix, _, details = code.rpartition(".")
    low, _, high = details.partition("-")
    return prefix, int(low), int(high)
