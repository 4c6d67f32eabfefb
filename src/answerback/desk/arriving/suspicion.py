"""Why a mail waits apart instead of becoming a ticket, though nothing is wrong with how it is written.

Policy: nothing is judged here. The site's own filter has marked it as spam, a person has blocked its sender, or (on
wish) its sender's domain says that it did not send it. A person may recover each; until then it sets off nothing: no
ticket, no receipt, no notification.
"""

from __future__ import annotations

from django.conf import settings

from answerback.desk.arriving.arrival import Arrival
from answerback.people import blocked_senders
from mailroom.address import Address
from mailroom.message import Mail
from mailroom.spam_marks import find_mark


def of_mail(mail: Mail, author: Address) -> str:
    """A reason of RawMail: a machine word and a detail. "" where there is none."""
    if mark := find_mark(mail, settings.SPAM_MARKS):
        return f"spam: {mark}"
    if block := blocked_senders.blocked(author):
        return f"blocked: {block.pattern}"
    return ""


def of_proof(arrival: Arrival) -> str:
    """The same, once the author's domain was asked (RFC 7489: its record fails, and asks to refuse what does)."""
    proof = arrival.proof
    if settings.SUSPEND_FORGED and proof.dmarc == "fail" and proof.refusal_asked:
        return f"forged-sender: {proof.from_domain}"
    return ""
