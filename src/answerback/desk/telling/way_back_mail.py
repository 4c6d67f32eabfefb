"""The mail to admins that failure reports do not reach us, each in their own language."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from answerback.desk.telling import colleague_mail
from answerback.outbound import way_back_words
from answerback.outbound.models import Probe
from answerback.people.models import Account


def send(probe: Probe) -> None:
    admins = Account.objects.filter(role=Account.Role.ADMIN, is_active=True).select_related("person")
    colleague_mail.write(admins, lambda: _("Failure reports do not reach us"), lambda: _text(probe))


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
