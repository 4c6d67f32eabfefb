"""What DNS says about our domains, record by record, and what to write there. It is asked once the page is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.reports import dns_check
from answerback.reports.dns_check import Finding, Subject
from answerback.workspace.access import admin_required

SUBJECTS: Mapping[str, str] = {
    Subject.MX: gettext_noop("Mail finds us (MX)"),
    Subject.RETURN_PATH: gettext_noop("Failure reports find us (MX of the return path)"),
    Subject.SPF: gettext_noop("Who may send (SPF)"),
    Subject.DKIM: gettext_noop("Signature (DKIM)"),
    Subject.DMARC: gettext_noop("Policy (DMARC)"),
    Subject.REVERSE: gettext_noop("Name of our address (reverse DNS)"),
}
WORDS: Mapping[str, str] = {
    "no_answer": gettext_noop("DNS gave no answer. Look again in a minute."),
    "mx": gettext_noop("There is a mail server. It has to hand our addresses over to Answerback."),
    "no_mx": gettext_noop("No mail server is named: customers' mail comes back to them."),
    "null_mx": gettext_noop("The domain says that it takes no mail at all."),
    "no_mx_but_address": gettext_noop("No mail server is named, so senders try the domain's own address. Name one."),
    "return_path": gettext_noop("Reports come to this server. It has to hand the domain over to Answerback."),
    "no_return_path": gettext_noop("Nobody takes mail for the return path: failures reported later would be lost."),
    "spf": gettext_noop("There is one record, and it does not let everybody send."),
    "no_spf": gettext_noop("No record says who may send. Many servers distrust such mail."),
    "several_spf": gettext_noop("There are several records, which counts as none. Make one of them."),
    "spf_everybody": gettext_noop("The record lets everybody send in your name. End it with ~all or -all."),
    "spf_without_relay": gettext_noop("Your relay's servers are not named. Add this to the record."),
    "dkim": gettext_noop("Our mail is signed, and the keys are in DNS."),
    "dkim_by_relay": gettext_noop("We do not sign. Your relay may; if not, this command makes keys."),
    "no_dkim": gettext_noop("Nobody signs our mail. This command makes keys and shows their records."),
    "dkim_missing": gettext_noop(
        "We sign, but DNS does not have the key: our signatures look forged. Write this record."
    ),
    "dkim_waits": gettext_noop("The key is made and not in DNS yet. Write this record."),
    "dkim_to_start": gettext_noop("The keys are in DNS. This command begins to sign."),
    "dmarc": gettext_noop("There is a policy, and our mail can fulfil it."),
    "no_dmarc": gettext_noop("No policy. Large providers want one from those who send much; this one only watches."),
    "several_dmarc": gettext_noop("There are several policies, which counts as none. Keep one."),
    "dmarc_not_aligned": gettext_noop(
        "Our mail fails this policy: the return path is of another organisation, and nobody signs. Sign with DKIM."
    ),
    "reverse": gettext_noop("The address has our name, and the name leads back to it."),
    "reverse_differs": gettext_noop("The address has another name, or none. Whoever gave you the address can set it."),
    "no_address": gettext_noop("The name that we greet others with has no address."),
}


@dataclass(frozen=True)
class Line:
    finding: Finding
    subject: str
    words: str


@admin_required
def dns_page(request: HttpRequest) -> HttpResponse:
    return render(request, "admin/dns.html", {"section": "admin", "at": "dns"})


@admin_required
def findings(request: HttpRequest) -> HttpResponse:
    domains = [(domain, [_line(one) for one in found]) for domain, found in dns_check.look().items()]
    return render(request, "admin/_dns_findings.html", {"domains": domains})


def _line(finding: Finding) -> Line:
    return Line(finding, _(SUBJECTS[finding.subject]), _(WORDS[finding.word]))
