"""How likely mail to an address is to arrive, said before it is sent."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from answerback.outbound import standing
from answerback.people import identities
from answerback.people.models import Identity
from mailroom import address as addresses


@dataclass(frozen=True)
class Reachability:
    """`state`: good, new, doubtful or bad; `words` say it for people."""

    state: str
    words: str


def of(identity: Identity | None) -> Reachability:
    if identity is None:
        return Reachability("bad", _("no address known"))
    if identities.is_suppressed(identity):
        return Reachability("bad", _("marked undeliverable: %s") % standing.cause_name(identity.cause))
    if not settings.SANDBOX and addresses.is_reserved(identity.domain):  # the played internet lives under .test
        return Reachability("bad", _("an address for examples, mail cannot arrive"))
    success, failure = identity.last_success_at, identity.last_failure_at
    if failure and (success is None or failure > success):
        return Reachability("doubtful", _("the last mail did not arrive"))
    if success or identity.deliverability == Identity.Deliverability.DELIVERABLE:
        return Reachability("good", _("mail arrived before"))
    return Reachability("new", _("never used before"))
