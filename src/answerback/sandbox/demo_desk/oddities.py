"""Mail that makes no ticket: what stands in the view of mail that was not turned into tickets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from django.conf import settings

from answerback.core import clock
from answerback.sandbox import reactions
from answerback.sandbox.fates import FATES
from answerback.sandbox.reactions import Sent, Taken
from mailroom.return_path import RETURN_PATH_PREFIX

_STRANGER = "web7.gartenfreunde.kunden.sandbox.test"


def _loop(support_address: str) -> Sent:
    """A badly set up mailing list hands our own answer back to us, under our own name."""
    mail = _mail(f"Wheelhouse Support <{support_address}>", support_address, "Fwd: Your order is ready")
    mail.set_content("Your order is ready for collection from Thursday on.\n\n-- \nsent to all members of the list\n")
    return Sent(f"list-owner@{_STRANGER}", support_address, mail.as_bytes())


def _empty(support_address: str) -> Sent:
    """A telephone in a pocket: no subject, no text."""
    mail = _mail(f"pocket@{_STRANGER}", support_address, "")
    mail.set_content("\n")
    return Sent(f"pocket@{_STRANGER}", support_address, mail.as_bytes())


def _forged_report(support_address: str) -> Sent:
    """Somebody claims that our mail to a customer bounced, with a return path that we never signed."""
    path = f"{RETURN_PATH_PREFIX}{'q' * 44}@{settings.RETURN_PATH_DOMAIN}"
    original = _mail(f"Wheelhouse Support <{support_address}>", f"ceo@{_STRANGER}", "Your order")
    original.set_content("Hello\n")
    taken = Taken(f"ceo@{_STRANGER}", path, original.as_bytes(), FATES["bounce-later"], clock.now())
    [sent] = reactions.react(taken)
    return sent


def _spam(support_address: str) -> Sent:
    """What the mail server's filter has marked, as SpamAssassin marks it."""
    mail = _mail(f"Prize Office <winner@{_STRANGER}>", support_address, "You have been selected")
    mail["X-Spam-Flag"] = "YES"
    mail["X-Spam-Status"] = "Yes, score=14.2 required=5.0"
    mail.set_content("Answer today to claim what is yours.\n")
    return Sent(f"winner@{_STRANGER}", support_address, mail.as_bytes())


def _mail(sender: str, recipient: str, subject: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, recipient
    if subject:
        mail["Subject"] = subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = make_msgid(domain=_STRANGER)
    return mail


ODDITIES: Mapping[str, Callable[[str], Sent]] = {
    "loop": _loop,
    "empty": _empty,
    "forged_report": _forged_report,
    "spam": _spam,
}
