"""By what an erased person is known: the profile, the addresses we wrote to, and the names in their own mail."""

from __future__ import annotations

from answerback.outbound.models import Delivery
from answerback.people import traces
from answerback.people.models import Person
from answerback.people.traces import Traces
from answerback.tickets.models import Comment
from mailroom.address import parse_addresses


def traces_of(person: Person) -> Traces:
    written_to = Delivery.objects.filter(person=person).values_list("recipient", flat=True).distinct()
    senders = Comment.objects.filter(author=person).exclude(sender="").values_list("sender", flat=True).distinct()
    named = [address for sender in senders for address in parse_addresses(sender)]
    return traces.of(person, [*written_to, *(one.spec for one in named)], [one.name for one in named])
