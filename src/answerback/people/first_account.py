"""The first account, made in the browser by whoever reads the console.

Policy: while nobody can sign in, and only then, a link makes whoever opens it the administrator. It is derived from the
secret key: it holds over restarts and on every machine, no stranger can make one up, and the first account ends it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from answerback.core import clock
from answerback.core.models import Setting
from answerback.people import accounts
from answerback.people.models import Account

PAGE = "/setup"
_SALT = "answerback.people.first_account"
_MARK = "first_account"


def is_awaited() -> bool:
    return not Account.objects.exists()


def link() -> str:
    """Stands on the console, and nowhere else."""
    return f"{settings.BASE_URL}{PAGE}?token={_token()}"


def may_create(token: str) -> bool:
    return constant_time_compare(token, _token()) and is_awaited()


def create(token: str, email: str, name: str, password: str, language: str) -> Account | None:
    """The administrator; None where somebody else was quicker. BadAddressError."""
    with transaction.atomic():
        Setting.objects.get_or_create(name=_MARK, defaults={"value": clock.now().isoformat()})
        Setting.objects.select_for_update().get(name=_MARK)  # one after the other
        if not may_create(token):
            return None
        return accounts.create(email, name, password, Account.Role.ADMIN, language)


def _token() -> str:
    return salted_hmac(_SALT, PAGE, algorithm="sha256").hexdigest()[:40]
