"""Mail about somebody's account: to the address they sign in with, in their language, from nobody's support address.

Policy: such a mail holds a secret. It goes to the account's own address even where the person has others, and no page
shows its text.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.conf import settings
from django.utils import translation

from answerback.outbound import enqueue
from answerback.outbound.models import Delivery, Message
from answerback.people import identities
from answerback.people.models import Account

LINK_PAGE = "/sign-in/password"


def link_url(link: str) -> str:
    """From BASE_URL, never from what the browser says its host is. In the query, which no log of ours holds."""
    return f"{settings.BASE_URL}{LINK_PAGE}?link={link}"


def language_of(account: Account) -> AbstractContextManager[None]:
    return translation.override(account.person.language or settings.LANGUAGE_CODE)


def send(account: Account, subject: str, text: str) -> None:
    identity = identities.find(account.email)
    if identity and identity.person_id != account.person_id:
        identity = None  # somebody else's by now: nothing known of it is about this account
    enqueue.enqueue(
        [
            enqueue.Notification(
                kind=Message.Kind.SYSTEM,
                support_address=None,
                author_name="Answerback",
                subject=subject,
                text=text,
                language=translation.get_language() or settings.LANGUAGE_CODE,
                recipients=[enqueue.Recipient(account.person, identity, None, Delivery.Role.TO, account.email)],
            )
        ]
    )
