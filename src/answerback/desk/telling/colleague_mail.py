"""A mail of the desk to somebody who works here, about no ticket of theirs: in their language, sent as all mail is."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.utils import translation

from answerback.outbound import enqueue
from answerback.outbound.models import Delivery, Message
from answerback.people import identities
from answerback.people.models import Account
from answerback.tickets import addresses


def write(account: Account, subject: Callable[[], str], text: Callable[[], str]) -> None:
    """Put it into the outbox. The words are asked for while the account's language is active."""
    language = account.person.language or settings.LANGUAGE_CODE
    with translation.override(language):
        said, written = subject(), text()
    recipient = enqueue.Recipient(account.person, identities.primary_of(account.person), None, Delivery.Role.TO)
    enqueue.enqueue(
        enqueue.Notification(
            kind=Message.Kind.AGENT,
            support_address=addresses.default_support_address(),
            subject=said,
            text=written,
            language=language,
            recipients=[recipient],
        )
    )
