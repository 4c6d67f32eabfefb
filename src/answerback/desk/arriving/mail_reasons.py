"""Why a mail did not become a ticket, in words for people.

`RawMail.reason` is a machine word, where it helps followed by a colon and a detail: "loop-hops: 73 Received fields".
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

WORDS: Mapping[str, str] = {
    "automatic": gettext_noop("An automatic reply that belongs to no ticket"),
    "read-receipt": gettext_noop("A read receipt"),
    "challenge": gettext_noop("A request to confirm that we are people, which belongs to no ticket"),
    "duplicate": gettext_noop("The same mail has come before"),
    "empty": gettext_noop("There is nothing in this mail"),
    "no-sender": gettext_noop("The sender cannot be read"),
    "bad-sender": gettext_noop("The sender is no address that mail can go to"),
    "no-support-address": gettext_noop("There is no support address that could take it"),
    "loop-own-address": gettext_noop("It calls itself written by our own address: a loop, or a forged sender"),
    "loop-own-message": gettext_noop("It is a mail of ours that came back"),
    "loop-hops": gettext_noop("It has passed too many servers: a loop"),
    "nothing-reported": gettext_noop("It looks like a report, but reports nothing that can be read"),
    "probe": gettext_noop("A probe of the way back: somebody takes every address where it went"),
    "unproven": gettext_noop("A report that names a mail of ours without proof"),
    "other-recipient": gettext_noop("A report about another recipient than its proof is for"),
    "expired-return-path": gettext_noop("A report to a return path that is too old"),
    "forged": gettext_noop("A report to a return path that we did not sign"),
    "no-proof": gettext_noop("A report that belongs to no mail of ours"),
    "spam": gettext_noop("Your spam filter has marked it"),
    "blocked": gettext_noop("The sender is blocked"),
    "forged-sender": gettext_noop("The sender's domain says that it did not send this"),
    "no-outcome": gettext_noop("Events of a mail service that say nothing of delivery"),
    "other-mail": gettext_noop("Events of a mail service about mail that is not ours"),
    "crashed": gettext_noop("Reading it failed again and again"),
}


def word_of(reason: str) -> str:
    return reason.partition(":")[0]


def detail_of(reason: str) -> str:
    return reason.partition(":")[2].strip()


def describe(reason: str) -> str:
    """The sentence for a reason; a reason nobody has words for is told as it is."""
    word = word_of(reason)
    return str(_(WORDS[word])) if word in WORDS else reason
