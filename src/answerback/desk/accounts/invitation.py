"""A new colleague chooses the first password: an account without one, and a mail with a link.

Policy: an account without a password is an invitation that nobody has taken up. Sending it again ends the link before.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from answerback.desk.accounts import account_mail
from answerback.people import accounts, password_links, team
from answerback.people.models import Account

LIFETIME = timedelta(days=7)


class TakenUpError(ValueError):
    """There is a password already."""


def invite(email: str, name: str, role: str, language: str, by: Account) -> Account:
    """A new account, and the mail about it. Raises as `accounts.create`."""
    with transaction.atomic():
        account = accounts.create(email, name, None, role, language)
        _write(account, by)
    return account


def send_again(account_id: int, by: Account) -> Account:
    """Account.DoesNotExist where nobody of that id may sign in; TakenUpError."""
    with transaction.atomic():
        rows = Account.objects.select_for_update(of=("self",)).select_related("person")
        account = rows.get(pk=account_id, is_active=True)
        if account.has_usable_password():
            raise TakenUpError
        team.set_password(account, None)  # another random mark of "none": links made before do not hold
        _write(account, by)
    return account


def _write(account: Account, by: Account) -> None:
    url = account_mail.link_url(password_links.issue(account, LIFETIME))
    with account_mail.language_of(account):
        made = _("%(name)s has made an account for you in Answerback. You sign in with %(email)s.")
        text = [
            made % {"name": by.person.name, "email": account.email},
            "",
            _("Choose your password here, within seven days:"),
            url,
            "",
            _("Later than that, ask for a new link with “Forgot your password?”: %s")
            % f"{settings.BASE_URL}/sign-in/forgot",
        ]
        account_mail.send(account, _("You have been invited"), "\n".join(text) + "\n")
