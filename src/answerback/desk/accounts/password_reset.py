"""“Forgot your password?”: a mail with a link to choose a new one.

Policy: the caller never learns whether there is such an account. Mail goes only to the address somebody signs in with,
never to another address of the person, and at most three an hour.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from answerback.core import clock
from answerback.desk.accounts import account_mail
from answerback.outbound.models import Delivery, Message
from answerback.people import password_links
from answerback.people.models import Account

LIFETIME = timedelta(hours=1)
PER_HOUR = 3


def send(email: str) -> None:
    """Mail a link where an active account signs in with this address. Says nothing about it."""
    with transaction.atomic():
        account = (
            Account.objects.select_for_update(of=("self",))
            .select_related("person")
            .filter(email__iexact=email.strip(), is_active=True)
            .first()
        )
        if account and not _had_enough(account):
            _write(account)


def _had_enough(account: Account) -> bool:
    sent = Delivery.objects.filter(person=account.person_id, kind=Message.Kind.SYSTEM)
    return sent.filter(queued_at__gt=clock.now() - timedelta(hours=1)).count() >= PER_HOUR


def _write(account: Account) -> None:
    url = account_mail.link_url(password_links.issue(account, LIFETIME))
    with account_mail.language_of(account):
        text = [
            _("Somebody, probably you, asked for a new password for Answerback."),
            "",
            _("Choose it here, within an hour:"),
            url,
            "",
            _("If that was not you, there is nothing to do: your password stays as it is."),
        ]
        account_mail.send(account, _("Choose a new password"), "\n".join(text) + "\n")
