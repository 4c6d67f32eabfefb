"""Which failed deliveries an answer stands for: “reply again”, the missed answer that rides along, or an agent's word.

A failure is put right when the answer is accepted for the person it is meant for. That is the one who missed it, where
they get the answer; else the requester, who wrote from elsewhere and is the same person, as the agent said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from answerback.core import clock, live
from answerback.desk.fixing import settling
from answerback.outbound.models import Delivery, Message, Replacement, Resolution
from answerback.outbound.standing import Chain, CommentStanding
from answerback.people.models import Account
from answerback.tickets.models import Audit, Comment
from mailroom.states import ARRIVED


def note(audit: Audit, delivery_ids: Sequence[int]) -> None:
    """Remember that the comment of `audit` stands for these deliveries, also of other tickets."""
    comment = Comment.objects.filter(audit=audit, public=True).first()
    if comment is None or not delivery_ids:
        return
    reached = set(Delivery.objects.filter(message__comment=comment).values_list("person_id", flat=True))
    Replacement.objects.bulk_create(
        [
            Replacement(
                delivery=row,
                comment=comment,
                person_id=row.person_id if row.person_id in reached else audit.ticket.requester_id,
            )
            for row in Delivery.objects.filter(pk__in=delivery_ids, kind=Message.Kind.ANSWER)
        ],
        ignore_conflicts=True,
    )


def replaced_by(delivery: Delivery) -> list[Delivery]:
    """The failed deliveries that `delivery` puts right once it is accepted."""
    if not delivery.message.comment_id or not delivery.person_id:
        return []
    meant = Q(person=delivery.person_id) | Q(person__isnull=True, delivery__person=delivery.person_id)
    rows = Replacement.objects.filter(meant, comment=delivery.message.comment_id, denied_at__isnull=True)
    return [row.delivery for row in rows.select_related("delivery__person").order_by("delivery_id")]


def arrived(failed: Sequence[Delivery]) -> Delivery | None:
    """The newest answer that stands for one of these and arrived."""
    rows = Replacement.objects.filter(delivery__in=failed, denied_at__isnull=True).select_related("delivery")
    for row in rows.order_by("-comment_id"):
        meant = row.person_id or row.delivery.person_id
        sent = Delivery.objects.filter(message__comment=row.comment_id, person=meant, state__in=ARRIVED)
        if found := sent.select_related("message__comment").order_by("-id").first():
            return found
    return None


def questions(comments: Mapping[int, CommentStanding]) -> dict[int, list[Delivery]]:
    """By comment id: open failures that this later answer, which arrived, may have replaced.

    Only the newest answer is asked about, and a "no" covers those before it. One query.
    """
    asked: dict[int, list[Delivery]] = {}
    failing = [(pk, chain.newest) for pk, chain in _answers(comments) if chain.failing]
    if not failing:
        return asked
    rows = Replacement.objects.filter(delivery__in=[failed for _, failed in failing])
    settled = {row.delivery_id: row.comment_id for row in rows.order_by("comment_id")}
    for comment_id, failed in failing:
        arrived = [
            pk
            for pk, chain in _answers(comments)
            if pk > comment_id and chain.newest.person_id == failed.person_id and chain.newest.state in ARRIVED
        ]
        if failed.person_id and arrived and max(arrived) > settled.get(failed.pk, 0):
            asked.setdefault(max(arrived), []).append(failed)
    return asked


def _answers(comments: Mapping[int, CommentStanding]) -> Iterator[tuple[int, Chain]]:
    for comment_id, found in comments.items():
        for person in found.people:
            yield from ((comment_id, chain) for chain in person.chains if chain.kind == Message.Kind.ANSWER)


def confirm(delivery_id: int, comment_id: int, by: Account) -> bool:
    """“Yes, this answer replaced the one that failed.” False where it did not arrive, or the failure is settled."""
    with transaction.atomic():
        failed = _locked(delivery_id)
        arrived = Delivery.objects.filter(message__comment=comment_id, person=failed.person_id, state__in=ARRIVED)
        found = arrived.filter(ticket=failed.ticket_id).order_by("-id").first()
        return found is not None and settling.settle(failed, Resolution.How.REPLIED, by, by_delivery=found)


def deny(delivery_id: int, comment_id: int, by: Account) -> None:
    """“No.” Not asked again for this comment."""
    with transaction.atomic():
        failed = _locked(delivery_id)
        comment = Comment.objects.get(pk=comment_id, ticket=failed.ticket_id)
        _deny(failed, comment, by)
        live.publish(f"ticket:{failed.ticket_id}")


def deny_all(taken_back: Sequence[Resolution], by: Account) -> None:
    """The answers that these named put nothing right, as `by` says: they do not count again, nor are asked about."""
    for row in taken_back:
        answer = row.by_delivery.message.comment if row.by_delivery else None
        if answer and row.how == Resolution.How.REPLIED:
            _deny(row.delivery, answer, by)


def _deny(failed: Delivery, comment: Comment, by: Account) -> None:
    said = {"denied_at": clock.now(), "denied_by": by}
    Replacement.objects.update_or_create(delivery=failed, comment=comment, defaults=said)


def _locked(delivery_id: int) -> Delivery:
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("message", "person")
    return rows.get(pk=delivery_id)
