"""What DNS says about our domains, and what it should say so that mail comes, goes, and its reports come back.

Policy: we only look. A record that somebody must write stands there whole, to be copied. What a relay does (its own
DKIM signature, its addresses in SPF) we cannot see from here: then nothing is claimed. No answer of DNS is "unknown".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from django.conf import settings

from answerback.core import resolver
from answerback.outbound import destinations, dkim_keys, senders
from answerback.outbound.destinations import Mode
from answerback.tickets.models import SupportAddress
from mailroom.address import ascii_domain
from mailroom.authentication import organisation
from mailroom.smtp.route import Relay

SECONDS = 4.0  # for each question
Lookup = Callable[[str, str], Sequence[str]]  # name, type -> values; resolver.NoAnswerError

# What SPF must name for mail that leaves by these servers, by the end of their names (their own documentation, 2026)
_INCLUDES: Mapping[str, str] = {
    ".office365.com": "spf.protection.outlook.com",
    ".outlook.com": "spf.protection.outlook.com",
    ".gmail.com": "_spf.google.com",
    ".google.com": "_spf.google.com",
    ".amazonaws.com": "amazonses.com",
    ".resend.com": "amazonses.com",
    ".sendgrid.net": "sendgrid.net",
    ".mailgun.org": "mailgun.org",
    ".brevo.com": "spf.brevo.com",
    ".mailjet.com": "spf.mailjet.com",
    ".postmarkapp.com": "spf.mtasv.net",
    ".sparkpostmail.com": "sparkpostmail.com",
}


class Subject(StrEnum):
    MX = "mx"  # customers' mail finds us
    RETURN_PATH = "return_path"  # failure reports find us
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    REVERSE = "reverse"  # the name of the address that we send from


class Verdict(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One record. `word` says what is wrong or right with it, `wanted` is the record to write, "" where none is."""

    subject: Subject
    name: str
    kind: str
    verdict: Verdict
    word: str
    found: Sequence[str] = ()
    wanted: str = ""


def look(lookup: Lookup | None = None) -> dict[str, list[Finding]]:
    """What was found, by domain. Takes as long as DNS does."""
    asked = lookup or (lambda name, kind: resolver.records(name, kind, SECONDS))
    domains = _support_domains()
    found = {domain: _about_sender(domain, asked) for domain in domains}
    bounce, own = _ascii(settings.RETURN_PATH_DOMAIN), _ascii(settings.MAIL_DOMAIN)
    if not senders.is_return_path_fixed():
        found.setdefault(bounce, []).extend([_return_path(bounce, asked), _spf(bounce, asked)])
    if destinations.mode() == Mode.MX:
        found.setdefault(own, []).append(_reverse(own, asked))
    return found


def _about_sender(domain: str, lookup: Lookup) -> list[Finding]:
    found = [_mx(domain, lookup)]
    if senders.is_return_path_fixed():
        found.append(_spf(domain, lookup))
    return [*found, _dkim(domain, lookup), _dmarc(domain, lookup)]


def _support_domains() -> list[str]:
    rows = SupportAddress.objects.filter(active=True).order_by("-default", "id").values_list("normal", flat=True)
    return list(dict.fromkeys(normal.rpartition("@")[2] for normal in rows))


def _asked(finding: Callable[[str, Lookup], Finding], subject: Subject, kind: str) -> Callable[[str, Lookup], Finding]:
    """The check, with "unknown" where DNS gives no answer."""

    def check(domain: str, lookup: Lookup) -> Finding:
        try:
            return finding(domain, lookup)
        except resolver.NoAnswerError:
            return Finding(subject, domain, kind, Verdict.UNKNOWN, "no_answer")

    return check


def judge_mx(domain: str, lookup: Lookup) -> Finding:
    found = lookup(domain, "MX")
    if any(value.split()[-1:] == ["."] for value in found):  # RFC 7505
        return Finding(Subject.MX, domain, "MX", Verdict.BAD, "null_mx", found)
    if found:
        return Finding(Subject.MX, domain, "MX", Verdict.GOOD, "mx", found)
    if addresses := [*lookup(domain, "A"), *lookup(domain, "AAAA")]:
        return Finding(Subject.MX, domain, "MX", Verdict.WARNING, "no_mx_but_address", addresses)
    return Finding(Subject.MX, domain, "MX", Verdict.BAD, "no_mx", wanted=_mx_record(domain))


def judge_return_path(domain: str, lookup: Lookup) -> Finding:
    found = lookup(domain, "MX") or lookup(domain, "A") or lookup(domain, "AAAA")
    good = bool(found) and not any(value.split()[-1:] == ["."] for value in found)
    if good:
        return Finding(Subject.RETURN_PATH, domain, "MX", Verdict.GOOD, "return_path", found)
    return Finding(Subject.RETURN_PATH, domain, "MX", Verdict.BAD, "no_return_path", found, wanted=_mx_record(domain))


def judge_spf(domain: str, lookup: Lookup) -> Finding:
    """RFC 7208: exactly one record, which names who sends for us, and not everybody."""
    found = [value for value in lookup(domain, "TXT") if value.lower().split(" ")[0] == "v=spf1"]
    include = _include()
    finding = Finding(Subject.SPF, domain, "TXT", Verdict.GOOD, "spf", found)
    if not found:
        return _but(finding, Verdict.BAD, "no_spf", f'{domain}. TXT "v=spf1 {_mechanism(include)} ~all"')
    if len(found) > 1:
        return _but(finding, Verdict.BAD, "several_spf")
    words = found[0].lower().split()
    if {"+all", "all"} & set(words):
        return _but(finding, Verdict.WARNING, "spf_everybody")
    if include and not {f"include:{include}", f"+include:{include}"} & set(words) and "redirect=" not in found[0]:
        return _but(finding, Verdict.WARNING, "spf_without_relay", f"include:{include}")
    return finding


def judge_dkim(domain: str, lookup: Lookup) -> Finding:
    """The keys that are ours. A relay may sign with its own, which cannot be seen from here."""
    keys = dkim_keys.waiting_or_used(domain)
    if not keys:
        by_relay = destinations.mode() == Mode.RELAY
        verdict, word = (Verdict.UNKNOWN, "dkim_by_relay") if by_relay else (Verdict.WARNING, "no_dkim")
        return Finding(Subject.DKIM, domain, "TXT", verdict, word, wanted=f"answerback dkim {domain}")
    used = bool(dkim_keys.keys_in_use(keys[0].domain))
    for key in keys:
        found = lookup(key.record_name, "TXT")
        if not dkim_keys.is_record_of(key, found):
            verdict = Verdict.BAD if used else Verdict.WARNING
            word = "dkim_missing" if used else "dkim_waits"
            wanted = f'{key.record_name}. TXT "{key.record}"'
            return Finding(Subject.DKIM, key.record_name, "TXT", verdict, word, found, wanted)
    if used:
        return Finding(Subject.DKIM, keys[0].record_name, "TXT", Verdict.GOOD, "dkim", [key.selector for key in keys])
    wanted = f"answerback dkim {domain} --start"
    return Finding(Subject.DKIM, keys[0].record_name, "TXT", Verdict.WARNING, "dkim_to_start", wanted=wanted)


def judge_dmarc(domain: str, lookup: Lookup) -> Finding:
    """RFC 7489. Where there is a policy, SPF or DKIM must be aligned with From, else our own mail fails it."""
    above = organisation(domain) or domain
    name, found = f"_dmarc.{domain}", _dmarc_records(domain, lookup)
    if not found and above != domain:
        name, found = f"_dmarc.{above}", _dmarc_records(above, lookup)
    finding = Finding(Subject.DMARC, name, "TXT", Verdict.GOOD, "dmarc", found)
    if not found:
        return _but(finding, Verdict.WARNING, "no_dmarc", f'_dmarc.{above}. TXT "v=DMARC1; p=none"')
    if len(found) > 1:
        return _but(finding, Verdict.BAD, "several_dmarc")
    aligned = senders.is_return_path_fixed() or organisation(_ascii(settings.RETURN_PATH_DOMAIN)) == above
    if not aligned and not dkim_keys.Signatures.current().keys_of(domain) and destinations.mode() != Mode.RELAY:
        return _but(finding, Verdict.WARNING, "dmarc_not_aligned")
    return finding


def judge_reverse(domain: str, lookup: Lookup) -> Finding:
    """Large providers take no mail from an address whose name does not lead back to it."""
    addresses = [*lookup(domain, "A"), *lookup(domain, "AAAA")]
    if not addresses:
        return Finding(Subject.REVERSE, domain, "A", Verdict.BAD, "no_address", wanted=f"{domain}. A …")
    said = [name for address in addresses for name in lookup(resolver.reverse_name(address), "PTR")]
    names = [name.rstrip(".").lower() for name in said]
    verdict, word = (Verdict.GOOD, "reverse") if domain in names else (Verdict.WARNING, "reverse_differs")
    return Finding(Subject.REVERSE, domain, "PTR", verdict, word, [*addresses, *names])


_mx = _asked(judge_mx, Subject.MX, "MX")
_return_path = _asked(judge_return_path, Subject.RETURN_PATH, "MX")
_spf = _asked(judge_spf, Subject.SPF, "TXT")
_dkim = _asked(judge_dkim, Subject.DKIM, "TXT")
_dmarc = _asked(judge_dmarc, Subject.DMARC, "TXT")
_reverse = _asked(judge_reverse, Subject.REVERSE, "PTR")


def _but(finding: Finding, verdict: Verdict, word: str, wanted: str = "") -> Finding:
    return Finding(finding.subject, finding.name, finding.kind, verdict, word, finding.found, wanted)


def _dmarc_records(domain: str, lookup: Lookup) -> list[str]:
    said = lookup(f"_dmarc.{domain}", "TXT")
    return [value for value in said if value.replace(" ", "").lower().startswith("v=dmarc1")]


def _include() -> str:
    """What SPF must include for our relay; "" where that is not known."""
    match destinations.route():
        case Relay(endpoints):
            host = f".{endpoints[0].host.lower()}"
            return next((include for end, include in _INCLUDES.items() if host.endswith(end)), "")
    return ""


def _mechanism(include: str) -> str:
    if include:
        return f"include:{include}"
    match destinations.route():
        case Relay(endpoints):
            return _mechanism_of(endpoints[0].host)
    return f"a:{_ascii(settings.MAIL_DOMAIN)}"


def _mechanism_of(host: str) -> str:
    """A relay on this machine sends under this machine's name; an address is no name (RFC 7208, 5.6)."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"a:{_ascii(settings.MAIL_DOMAIN)}" if host.lower() == "localhost" else f"a:{host}"
    return f"a:{_ascii(settings.MAIL_DOMAIN)}" if address.is_loopback else f"ip{address.version}:{address}"


def _mx_record(domain: str) -> str:
    return f"{domain}. MX 10 {_ascii(settings.MAIL_DOMAIN)}."


def _ascii(domain: str) -> str:
    return ascii_domain(domain) or domain.lower()
