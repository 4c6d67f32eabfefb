"""A mail of the desk to people who work here, about no ticket of theirs: in their languages, sent as all mail is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.conf import settings
from django.utils import translation

from answerback.outbound import enqueue
from answerback.outbound.models import Delivery, Message
from answerback.people import identities
from answerback.people.models import Account
from answerback.tickets import addresses
from answerback.tickets.models import SupportAddress


def write(accounts: Iterable[Account], subject: Callable[[], str], text: Callable[[], str]) -> None:
    """Put one for each into the outbox. The words are asked for while the account's language is active."""
    support_address = addresses.default_support_address()
    enqueue.enqueue([_notification(account, support_address, subject, text) for account in accounts])


def _notification(
    account: Account, support_address: SupportAddress | None, subject: Callable[[], str], text: Callable[[], str]
) -> enqueue.Notification:
    language = account.person.language or settings.LANGUAGE_CODE
    with translation.override(language):
        return enqueue.Notification(
            kind=Message.Kind.AGENT,
            support_address=support_address,
            subject=subject(),
            text=text(),
            language=language,
            recipients=[
                enqueue.Recipient(account.person, identities.primary_of(account.person), None, Delivery.Role.TO)
            ],
        )
