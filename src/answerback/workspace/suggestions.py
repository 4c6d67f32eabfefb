"""What a mistyped address may have been meant to be, and why we think so. DNS has the last word.

A suggestion is made only for a domain that takes mail. This asks DNS: pages load it after themselves, as a part.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop

from answerback.outbound import mail_domains
from answerback.people import identities
from mailroom import address as addresses
from mailroom import typos

_REASONS = {
    "typo_domain": gettext_noop("the domain looks mistyped"),
    "typo_ending": gettext_noop("no domain ends like this"),
    "missing_dot": gettext_noop("a dot is missing"),
    "comma": gettext_noop("there is a comma in it"),
    "blank": gettext_noop("there is a blank in it"),
    "prefix": gettext_noop("something stands before the address"),
    "extra_dot": gettext_noop("there is a dot too many"),
}


@dataclass(frozen=True)
class Hint:
    """`better`: the likely address, "" where there is none. `dead`: the typed domain takes no mail."""

    better: str = ""
    reason: str = ""
    dead: str = ""


def for_address(address: str) -> Hint:
    address = address.strip()
    found = typos.suggest(address, identities.working_domains())
    if found and mail_domains.takes_mail(_domain(found.address)):
        return Hint(found.address, gettext(_REASONS[found.reason]))
    if not addresses.syntax_problem(address) and mail_domains.takes_mail(_domain(address)) is False:
        return Hint(dead=_domain(address))
    return Hint()


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
