"""The mail to admins that failure reports do not reach us, each in their own language."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from answerback.outbound import enqueue, way_back_words
from answerback.outbound.models import Delivery, Message, Probe
from answerback.people import identities
from answerback.people.models import Account
from answerback.tickets import addresses


def send(probe: Probe) -> None:
    for account in Account.objects.filter(role=Account.Role.ADMIN, is_active=True).select_related("person"):
        _write(account, probe)


def _write(account: Account, probe: Probe) -> None:
    language = account.person.language or settings.LANGUAGE_CODE
    with translation.override(language):
        subject, text = _("Failure reports do not reach us"), _text(probe)
    enqueue.enqueue(
        enqueue.Notification(
            kind=Message.Kind.AGENT,
            support_address=addresses.default_support_address(),
            subject=subject,
            text=text,
            language=language,
            recipients=[
                enqueue.Recipient(account.person, identities.primary_of(account.person), None, Delivery.Role.TO)
            ],
        )
    )


def _text(probe: Probe) -> str:
    lines = [
        _("A probe to an address that does not exist was accepted, and no report about it came back in time."),
        _("As long as that is so, an answer that is lost later on stays “accepted”, and nobody is told."),
        "",
        way_back_words.advice(probe),
        "",
        _("See, change and probe again: %s") % f"{settings.BASE_URL}/delivery#way-back",
    ]
    return "\n".join(lines) + "\n"
