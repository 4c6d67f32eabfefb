"""How large the files of an answer may be together, said before it is sent.

Policy: the least of our own limit and of what the servers on the way last announced (SIZE, RFC 1870), less what base64
and headers take. Files that go as links count nothing; pictures in the text stay in the mail, and count.
"""

from __future__ import annotations

from collections.abc import Sequence

from answerback.outbound import lanes
from answerback.people.models import Identity
from answerback.tickets.models import Attachment, Participant

ENVELOPE_SHARE = 0.72  # what base64 and headers leave of a message for files


class FilesTooLargeError(ValueError):
    """The files together do not fit into a mail. `limit` in octets."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} octets")
        self.limit = limit


def limit(addresses: Sequence[str] = ()) -> int:
    """Octets of files that a mail to these addresses can carry."""
    return int(lanes.size_limit(addresses) * ENVELOPE_SHARE)


def addresses_of(ticket_id: int) -> list[str]:
    """Where a public answer to the ticket would go."""
    roles = (Participant.Role.REQUESTER, Participant.Role.CC)
    rows = Participant.objects.filter(ticket=ticket_id, role__in=roles, confirmed=True).values("person")
    primary = Identity.objects.filter(person__in=rows).order_by("primary", "-id")
    return list(dict(primary.values_list("person_id", "address")).values())


def check(files: Sequence[Attachment], addresses: Sequence[str]) -> None:
    """FilesTooLargeError."""
    most = limit(addresses)
    if sum(file.size for file in files) > most:
        raise FilesTooLargeError(most)
