"""Several tickets about one thing become one. As in Zendesk; it cannot be undone.

Policy: the others are closed with the tag `closed_by_merge` and say where the conversation goes on; the remaining
ticket gets their requesters and CCs as CCs, their tags, and a comment that says where they came from. Both comments are
internal unless the agent decides otherwise, so that nobody is mailed by surprise. Comments and deliveries stay where
they are: the return paths and tokens of mail under way name them there. So an open failure stays on the merged ticket,
with its tag, in every view it stands in, and its card works as before; the remaining ticket lists it as well
(`open_failures`). Replies to the mail of a merged ticket join the remaining one (`desk.arriving.threads`).

All tickets are locked in the order of their numbers. Of two agents who merge A into B and B into A one comes second,
finds a closed ticket, and is told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from answerback.desk import jobs
from answerback.desk.bulk.result import done
from answerback.desk.models import Job
from answerback.desk.running_rules import effects
from answerback.outbound import standing
from answerback.outbound.standing import Chain
from answerback.people.models import Account, Person
from answerback.search import documents
from answerback.tickets import merged, update
from answerback.tickets.changes import Changes, NewComment
from answerback.tickets.models import FAILURE_TAG, Comment, Participant, Ticket

KIND = "merge_tickets"  # Job.kind
MOST = 50  # tickets merged at once
_STAY = {FAILURE_TAG, merged.TAG}  # tags that speak of the ticket itself


class CannotMergeError(ValueError):
    """`problem`: nothing, itself, too_many, gone, closed, target_closed."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Wording:
    """What the two comments say, and whether customers read (and are mailed) them."""

    on_target: str
    on_others: str
    target_public: bool = False
    others_public: bool = False


def merge(
    ticket_ids: Collection[int],
    into: int,
    by: Account,
    wording: Wording | None = None,
    ccs: Collection[int] | None = None,
    via: str = "web",
) -> Ticket:
    """Merge these tickets into that one. `ccs`: people of the others who come along; None: all. CannotMergeError."""
    with transaction.atomic():
        target, others = _locked(ticket_ids, into)
        wording = wording or suggest_wording(target, others)
        people = [row for row in newcomers(target, others) if ccs is None or row.person_id in ccs]
        _close(target, others, by, wording, via)
        _take_over(target, others, people, by, wording, via)
    target.refresh_from_db()
    return target


def merge_as_job(ticket_ids: Collection[int], into: int, by: Account, wording: Wording) -> Job:
    """The same for a program, with a job that tells of it: each of the others is an item. CannotMergeError."""
    with transaction.atomic():
        merge(ticket_ids, into, by, wording, via="api")
        result = done("merged", into=into)
        return jobs.record(KIND, dict.fromkeys(ticket_ids), result, by, source={"api": True})


def suggest_wording(target: Ticket, others: Sequence[Ticket]) -> Wording:
    """The comments in the language of whoever asks. The remaining ticket quotes the last public words of each other."""
    on_target = "\n\n".join(map(_came_here, others))
    on_others = _("This ticket was merged into ticket #%(number)s, “%(subject)s”. The conversation goes on there.")
    return Wording(on_target, on_others % {"number": target.pk, "subject": target.subject})


def newcomers(target: Ticket, others: Sequence[Ticket]) -> list[Participant]:
    """Requesters and CCs of the others who are not on the target yet, each once."""
    there = target.participants.exclude(role__in=[Participant.Role.FORMER, Participant.Role.AGENT])
    known = set(there.values_list("person_id", flat=True))
    rows = Participant.objects.filter(
        ticket__in=[other.pk for other in others], role__in=[Participant.Role.REQUESTER, Participant.Role.CC]
    )
    found: dict[int, Participant] = {}
    for row in rows.select_related("person").order_by("-confirmed", "id"):
        if row.person_id not in known:
            found.setdefault(row.person_id, row)
    return list(found.values())


def open_failures(ticket_id: int) -> list[tuple[Ticket, Chain]]:
    """What failed on tickets that were merged into this one, and still matters."""
    tickets = merged.into(ticket_id)
    if not tickets:
        return []
    found = standing.open_failures_of([ticket.pk for ticket in tickets])
    return [(ticket, chain) for ticket in tickets for chain in found.get(ticket.pk, [])]


def _locked(ticket_ids: Collection[int], into: int) -> tuple[Ticket, list[Ticket]]:
    numbers = set(ticket_ids)
    if into in numbers:
        raise CannotMergeError("itself")
    if not numbers:
        raise CannotMergeError("nothing")
    if len(numbers) > MOST:
        raise CannotMergeError("too_many")
    rows = Ticket.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=[*numbers, into]).order_by("pk")
    found = {row.pk: row for row in rows}
    if len(found) != len(numbers) + 1:
        raise CannotMergeError("gone")
    target, others = found.pop(into), list(found.values())
    if target.status == Ticket.Status.CLOSED:
        raise CannotMergeError("target_closed")
    if any(other.status == Ticket.Status.CLOSED for other in others):
        raise CannotMergeError("closed")
    return target, others


def _close(target: Ticket, others: Sequence[Ticket], by: Account, wording: Wording, via: str) -> None:
    for other in others:
        changes = Changes(
            status=Ticket.Status.CLOSED,
            add_tags=[merged.TAG],
            merged_into=target,
            comment=NewComment(author=by.person, public=wording.others_public, text=wording.on_others),
        )
        audit = update.apply(other.pk, changes, by.person, via)
        assert audit is not None  # a comment is always something
        effects.run(audit)


def _take_over(
    target: Ticket, others: Sequence[Ticket], people: Sequence[Participant], by: Account, wording: Wording, via: str
) -> None:
    tags = {tag.name for other in others for tag in other.tags.all()} - _STAY
    confirmed: list[Person] = [row.person for row in people if row.confirmed]
    changes = Changes(
        add_tags=sorted(tags),
        add_ccs=confirmed,
        unconfirmed_ccs=[row.person for row in people if not row.confirmed],
        comment=NewComment(author=by.person, public=wording.target_public, text=wording.on_target),
    )
    audit = update.apply(target.pk, changes, by.person, via)
    assert audit is not None  # a comment is always something
    effects.run(audit)
    for other in others:
        documents.refresh(other.pk)


def _came_here(other: Ticket) -> str:
    text = _("Ticket #%(number)s, “%(subject)s”, was merged into this one.")
    said = text % {"number": other.pk, "subject": other.subject}
    last = Comment.objects.filter(ticket=other, public=True).select_related("author").order_by("-id").first()
    if last is None or not last.text.strip():
        return said
    head = _("Last comment there, by %(name)s:") % {"name": last.author.name}
    return f"{said}\n{head}\n\n{last.text.strip()[: merged.LAST_COMMENT_KEPT]}"
