"""How mail of the played internet gets to its recipients: ours by our doorway, the customers' by the played server."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Sequence

from django.conf import settings

from answerback.sandbox.names import ZONE

TRIES = 5
TIMEOUT = 30


class RefusedError(Exception):
    """The doorway does not take the mail; the text is its reply."""


def post(mail_from: str, recipients: Sequence[str], content: bytes) -> None:
    """Hand the mail over by SMTP, tries repeated while nobody listens. RefusedError; OSError at last."""
    ours = [address for address in recipients if not is_customer(address)]
    customers = [address for address in recipients if is_customer(address)]
    if ours:
        _hand_over(settings.SMTP_LISTEN, mail_from, ours, content)
    for address in customers:
        _hand_over(settings.SANDBOX_SMTP_LISTEN, mail_from, [address], content)


def is_customer(address: str) -> bool:
    """Is the mailbox a played one? Our own domain may lie in the same zone."""
    domain = address.rpartition("@")[2].lower()
    own = {settings.MAIL_DOMAIN.lower(), settings.RETURN_PATH_DOMAIN.lower()}
    return domain not in own and (domain == ZONE or domain.endswith(f".{ZONE}"))


def _hand_over(server: tuple[str, int], mail_from: str, recipients: Sequence[str], content: bytes) -> None:
    for left in reversed(range(TRIES)):
        try:
            with smtplib.SMTP(*server, local_hostname=f"mx.{ZONE}", timeout=TIMEOUT) as client:
                client.sendmail(mail_from, list(recipients), content)
            return
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise RefusedError(str(error)) from error
        except (OSError, smtplib.SMTPException):
            if not left:
                raise
            time.sleep(1)
