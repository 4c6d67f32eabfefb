"""Links by which somebody chooses a password without knowing the old one: for a reset, and for an invitation.

Policy: nothing is stored. A link is signed and carries whose it is, until when it holds, and a fingerprint of what the
account was like: whoever chooses a password, signs in, or gets another address kills every link made before. Nobody who
may not sign in has one that holds.
"""

from __future__ import annotations

from datetime import timedelta

from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from answerback.core import clock
from answerback.people import team
from answerback.people.models import Account

_SALT = "answerback.people.password_links"


def issue(account: Account, lifetime: timedelta) -> str:
    """The secret part of a link. Stands in the mail to its owner and nowhere else."""
    until = int((clock.now() + lifetime).timestamp())
    return signing.dumps([account.pk, until, _fingerprint(account)], salt=_SALT)


def account_of(link: str) -> Account | None:
    """Whose password it may change. None: forged, too old, used, superseded, or not allowed to sign in."""
    try:
        pk, until, fingerprint = signing.loads(link, salt=_SALT)
    except signing.BadSignature:
        return None
    account = Account.objects.select_related("person").filter(pk=pk, is_active=True).first()
    if account is None or clock.now().timestamp() >= until:
        return None
    return account if constant_time_compare(fingerprint, _fingerprint(account)) else None


def redeem(link: str, password: str) -> Account | None:
    """Set the password. None where the link does not hold (any more): of two clicks at once one wins."""
    with transaction.atomic():
        account = account_of(link)
        if account is None:
            return None
        Account.objects.select_for_update().get(pk=account.pk)
        account = account_of(link)  # as it is now that nobody else changes it
        if account:
            team.set_password(account, password)
        return account


def _fingerprint(account: Account) -> str:
    state = f"{account.pk} {account.password} {account.last_login} {account.email}"
    return salted_hmac(_SALT, state, algorithm="sha256").hexdigest()
