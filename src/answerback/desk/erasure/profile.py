"""The last step: addresses, what was known of them, and the person."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from answerback.core import clock, live
from answerback.outbound.models import Delivery, Message
from answerback.people import merging, profiles
from answerback.people.models import BlockedSender, Identity, Person, PersonMerge
from answerback.people.traces import Traces
from answerback.search import documents


def erase(person: Person, traces: Traces) -> None:
    """Tickets come before it."""
    _erase_other_mail(person, traces)
    BlockedSender.objects.filter(pattern__in=traces.addresses).delete()
    for merge in merging.all_merged_into(person):
        PersonMerge.objects.filter(pk=merge.pk).delete()
        _erase_person(merge.person)
    _erase_person(person)
    live.publish(f"person:{person.pk}")


def _erase_other_mail(person: Person, traces: Traces) -> None:
    """Mail to them that belongs to no ticket."""
    to_them = Q(deliveries__person=person) | Q(deliveries__recipient__in=traces.addresses)
    sent = Message.objects.filter(to_them, ticket__isnull=True)
    Message.objects.filter(pk__in=sent.values("pk")).delete()
    Delivery.objects.filter(person=person).update(person=None)


def _erase_person(person: Person) -> None:
    """The row goes where nothing hangs on it; else an empty one stays, so that emptied comments have an author."""
    Identity.objects.filter(person=person).delete()
    try:
        profiles.remove(Person.objects.get(pk=person.pk))
    except profiles.InUseError:
        with translation.override(settings.LANGUAGE_CODE):
            name = _("Erased person")
        now = clock.now()
        Person.objects.filter(pk=person.pk).update(
            name=name, organization=None, language="", phone="", notes="", erased_at=now, updated_at=now
        )
        documents.refresh_person(Person.objects.get(pk=person.pk))
