"""The folded words of a ticket: subject, comments, the names and addresses of everybody on it."""

from __future__ import annotations

from answerback.people.models import Identity
from answerback.search.folding import fold
from answerback.search.models import Document
from answerback.tickets.models import Participant, Ticket

_MAX_CHARACTERS = 200_000


def refresh(ticket_id: int) -> None:
    """Bring the ticket's document in line. Belongs into the transaction of the update."""
    ticket = Ticket.objects.get(pk=ticket_id)
    people = list(Participant.objects.filter(ticket_id=ticket_id).values_list("person_id", "person__name"))
    addresses = Identity.objects.filter(person_id__in=[person_id for person_id, _ in people])
    words = [
        ticket.subject,
        *(name for _, name in people),
        *addresses.values_list("address", flat=True),
        *ticket.comments.order_by("-id").values_list("text", flat=True),
    ]
    Document.objects.update_or_create(ticket_id=ticket_id, defaults={"text": fold("\n".join(words))[:_MAX_CHARACTERS]})
