"""Conditions of views as database queries. Fields and operators are Zendesk's, and `delivery` of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q

from answerback.outbound.models import Delivery, Message, Resolution
from answerback.people.models import Account
from answerback.tickets.models import Tag, Ticket
from answerback.tickets.update import PRIORITY_RANK, STATUS_RANK

Health = Ticket.Health
Condition = Callable[[str, str, Account | None], Q]


def build(conditions: dict[str, list[dict[str, Any]]], account: Account | None) -> Q:
    """All of "all", and one of "any" where there are any. A row nobody understands matches nothing."""
    every = Q()
    for row in conditions.get("all", []):
        every &= _row(row, account)
    some = Q()
    for row in conditions.get("any", []):
        some |= _row(row, account)
    return every & some


def delivery(value: str, account: Account | None = None) -> Q:
    """`open` unresolved failures, `failed` ever, `trying`, `automatic` open failures of automatic mail, `mine`."""
    match value:
        case "open":
            return Q(delivery_health__in=[Health.FAILED, Health.AUTOMATIC_FAILED])
        case "failed":
            return Q(ever_failed=True)
        case "trying":
            return Q(delivery_health=Health.TRYING)
        case "answer":
            return Q(delivery_health=Health.FAILED)
        case "automatic":
            return delivery("open") & Q(Exists(_failing(Q(kind=Message.Kind.AUTOMATIC))))
        case "mine":
            mine = Q(kind=Message.Kind.ANSWER, message__comment__author=account.person_id if account else None)
            return delivery("answer") & Q(Exists(_failing(mine)))
    return _nothing()


def tag(name: str) -> Q:
    return Q(Exists(Tag.objects.filter(ticket=OuterRef("pk"), name=name.lower())))


def ranked(field: str, ranks: dict[str, int], operator: str, value: str) -> Q:
    """Statuses and priorities compare by their order."""
    if value not in ranks:
        return _nothing()
    rank = ranks[value]
    match operator:
        case "is":
            return Q(**{field: rank})
        case "is_not":
            return ~Q(**{field: rank})
        case "less_than":
            return Q(**{f"{field}__lt": rank})
        case "greater_than":
            return Q(**{f"{field}__gt": rank})
    return _nothing()


STATUSES = {str(status): rank for status, rank in STATUS_RANK.items()}


def _status(operator: str, value: str, account: Account | None) -> Q:
    return ranked("status_rank", STATUSES, operator, value)


def _priority(operator: str, value: str, account: Account | None) -> Q:
    return ranked("priority_rank", {str(name): rank for name, rank in PRIORITY_RANK.items()}, operator, value)


def _type(operator: str, value: str, account: Account | None) -> Q:
    return _is(Q(type=value), operator)


def _assignee(operator: str, value: str, account: Account | None) -> Q:
    if value == "current_user":
        return _is(Q(assignee=account), operator)
    return _is(Q(assignee=int(value)) if value.isdigit() else Q(assignee__isnull=True), operator)


def _group(operator: str, value: str, account: Account | None) -> Q:
    if value == "current_groups":
        return _is(Q(group__members=account), operator)
    return _is(Q(group=int(value)) if value.isdigit() else Q(group__isnull=True), operator)


def _requester(operator: str, value: str, account: Account | None) -> Q:
    """A person's id, or an address."""
    by_id = Q(requester=int(value)) if value.isdigit() else Q(requester__identities__normal=value.lower())
    return _is(by_id, operator)


def _tags(operator: str, value: str, account: Account | None) -> Q:
    found = Q()
    for name in value.split():
        found |= tag(name)
    return found if operator == "includes" else ~found


def _delivery(operator: str, value: str, account: Account | None) -> Q:
    return _is(delivery(value, account), operator)


CONDITIONS: dict[str, Condition] = {
    "status": _status,
    "priority": _priority,
    "type": _type,
    "assignee_id": _assignee,
    "group_id": _group,
    "requester_id": _requester,
    "current_tags": _tags,
    "delivery": _delivery,
}


def _row(row: dict[str, Any], account: Account | None) -> Q:
    condition = CONDITIONS.get(row.get("field", ""))
    return condition(row.get("operator", "is"), str(row.get("value", "")), account) if condition else _nothing()


def _is(query: Q, operator: str) -> Q:
    return ~query if operator == "is_not" else query


def _nothing() -> Q:
    return Q(pk__in=[])


def _failing(which: Q) -> Any:
    """Unresolved failing deliveries of the outer ticket."""
    resolved = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True)
    states = Q(state__in=["failed", "cancelled"]) | Q(state="held", hold_reason="suppressed")
    return Delivery.objects.filter(which & states & ~Exists(resolved), ticket=OuterRef("pk"))
