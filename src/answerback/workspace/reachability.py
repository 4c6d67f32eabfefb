"""How likely mail to an address is to arrive, said before it is sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from answerback.core import dates
from answerback.outbound import standing
from answerback.people import identities
from answerback.people.models import DeliverabilityEntry, Identity
from mailroom import address as addresses


@dataclass(frozen=True)
class Reachability:
    """`state`: good, new, doubtful or bad; `words` say it for people."""

    state: str
    words: str

    @property
    def is_dead(self) -> bool:
        return self.state == "bad"


def of(identity: Identity | None, complained: bool = False) -> Reachability:
    if identity is None:
        return Reachability("bad", _("no address known"))
    if identities.is_suppressed(identity):
        return Reachability("bad", _suppressed_words(identity))
    if not settings.SANDBOX and addresses.is_reserved(identity.domain):  # the played internet lives under .test
        return Reachability("bad", _("an address for examples, mail cannot arrive"))
    if complained:
        return Reachability("doubtful", _("marked our mail as spam"))
    success, failure = identity.last_success_at, identity.last_failure_at
    if failure and (success is None or failure > success):
        return Reachability("doubtful", _("the last mail did not arrive"))
    if success or identity.deliverability == Identity.Deliverability.DELIVERABLE:
        return Reachability("good", _("mail arrived before"))
    return Reachability("new", _("never used before"))


def complained(people: Collection[Identity]) -> set[int]:
    """Ids of the identities whose owner reported a mail of ours as spam: one query for all."""
    entries = DeliverabilityEntry.objects.filter(identity__in=people, kind=DeliverabilityEntry.Kind.COMPLAINT)
    return set(entries.values_list("identity_id", flat=True))


def _suppressed_words(identity: Identity) -> str:
    said = {"cause": standing.cause_name(identity.cause)}
    if identity.since is None:
        return _("marked undeliverable: %(cause)s") % said
    day = dates.day(identity.since)
    return _("marked undeliverable since %(day)s: %(cause)s") % (said | {"day": day})
