"""Conditions of views: one table with titles, kinds of value and operators. Fields are Zendesk's, and some ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.outbound.models import Delivery, Message
from answerback.people.models import Account
from answerback.search.sorts import open_failures
from answerback.tickets.models import Comment, Tag, Ticket
from answerback.tickets.update import PRIORITY_RANK, STATUS_RANK

Health = Ticket.Health
STATUSES = {str(status): rank for status, rank in STATUS_RANK.items()}
PRIORITIES = {str(name): rank for name, rank in PRIORITY_RANK.items()}
IS = ("is", "is_not")
RANKED = (*IS, "less_than", "greater_than")
HAS = ("includes", "not_includes")
AGO = ("within_hours", "before_hours")
BLOCKS = ("all", "any")
MOST_ROWS = 20  # of a view, in each block
_MOST_HOURS = 24 * 365 * 50


@dataclass(frozen=True)
class Condition:
    """`kind` says how a value is asked for: "choice" of known ones, "words", "hours", or "none" at all."""

    title: str
    find: Callable[[str, str, Account | None], Q]
    operators: Sequence[str] = IS
    kind: str = "choice"


def build(conditions: dict[str, list[dict[str, Any]]], account: Account | None) -> Q:
    """All of "all", and one of "any" where there are any. A row nobody understands matches nothing."""
    every = Q()
    for row in conditions.get("all", []):
        every &= _row(row, account)
    some = Q()
    for row in conditions.get("any", []):
        some |= _row(row, account)
    return every & some


def understands(row: Mapping[str, Any], account: Account | None) -> bool:
    """Is there such a field, with this operator, and a value that says something?"""
    condition, value = CONDITIONS.get(row["field"]), str(row["value"])
    if condition is None or row["operator"] not in condition.operators:
        return False
    if condition.kind == "hours" and not _number(value):
        return False
    return condition.find(row["operator"], value, account) not in (Q(), ~Q(), nothing(), ~nothing())


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
            return delivery("open") & Q(Exists(open_failures(Q(kind=Message.Kind.AUTOMATIC))))
        case "mine":
            mine = Q(kind=Message.Kind.ANSWER, message__comment__author=account.person_id if account else None)
            return delivery("answer") & Q(Exists(open_failures(mine)))
        case "held":
            return Q(Exists(Delivery.objects.filter(ticket=OuterRef("pk"), state="held")))
    return nothing()


def tag(name: str) -> Q:
    return Q(Exists(Tag.objects.filter(ticket=OuterRef("pk"), name=name.lower())))


def compared(column: str, ranks: dict[str, int], operator: str, value: str) -> Q | None:
    """Statuses and priorities compare by their order. None for a value there is not."""
    if value not in ranks:
        return None
    suffix = {"<": "__lt", ">": "__gt", "<=": "__lte", ">=": "__gte"}.get(operator, "")
    return Q(**{f"{column}{suffix}": ranks[value]})


def nothing() -> Q:
    return Q(pk__in=[])


def _status(operator: str, value: str, account: Account | None) -> Q:
    return _ranked("status_rank", STATUSES, operator, value)


def _priority(operator: str, value: str, account: Account | None) -> Q:
    return _ranked("priority_rank", PRIORITIES, operator, value)


def _ranked(column: str, ranks: dict[str, int], operator: str, value: str) -> Q:
    sign = {"less_than": "<", "greater_than": ">"}.get(operator, ":")
    found = compared(column, ranks, sign, value)
    return nothing() if found is None else _is(found, operator)


def _type(operator: str, value: str, account: Account | None) -> Q:
    return _is(Q(type=value), operator)


def _assignee(operator: str, value: str, account: Account | None) -> Q:
    if value == "current_user":
        return _is(Q(assignee=account), operator)
    return _linked("assignee", operator, value)


def _group(operator: str, value: str, account: Account | None) -> Q:
    if value == "current_groups":
        groups = list(account.groups.values_list("pk", flat=True)) if account else []
        return _is(Q(group__in=groups), operator)
    return _linked("group", operator, value)


def _linked(column: str, operator: str, value: str) -> Q:
    """By id; "" is none at all."""
    if value and not _number(value):
        return nothing()
    return _is(Q(**{column: _number(value)}) if value else Q(**{f"{column}__isnull": True}), operator)


def _requester(operator: str, value: str, account: Account | None) -> Q:
    """A person's id, or an address."""
    by_id = Q(requester=_number(value)) if _number(value) else Q(requester__identities__normal=value.lower())
    return _is(by_id, operator)


def _organization(operator: str, value: str, account: Account | None) -> Q:
    return _is(Q(requester__organization__name__iexact=value) if value else Q(requester__organization=None), operator)


def _tags(operator: str, value: str, account: Account | None) -> Q:
    found = Q()
    for name in value.split():
        found |= tag(name)
    return found if operator == "includes" else ~found


def _delivery(operator: str, value: str, account: Account | None) -> Q:
    return _is(delivery(value, account), operator)


def _cause(operator: str, value: str, account: Account | None) -> Q:
    return _is(delivery("open") & Q(Exists(open_failures(Q(cause=value)))), operator)


def _code(operator: str, value: str, account: Account | None) -> Q:
    by_reply = len(value) == 3 and _number(value)
    which = Q(smtp_code=_number(value)) if by_reply else Q(enhanced_code=value)
    return _is(delivery("open") & Q(Exists(open_failures(which))), operator)


def _recipient_domain(operator: str, value: str, account: Account | None) -> Q:
    which = Q(recipient__iendswith="@" + value.strip().lstrip("@"))
    return _is(delivery("open") & Q(Exists(open_failures(which))), operator)


def _subject(operator: str, value: str, account: Account | None) -> Q:
    found = Q()
    for word in value.split():
        found |= Q(subject__icontains=word)
    return found if operator == "includes" else ~found


def _via(operator: str, value: str, account: Account | None) -> Q:
    return _is(Q(via=value), operator)


def _support_address(operator: str, value: str, account: Account | None) -> Q:
    return _is(Q(support_address=_number(value)), operator)


def _language(operator: str, value: str, account: Account | None) -> Q:
    return _is(Q(requester__language=value), operator)


def _public_comment(operator: str, value: str, account: Account | None) -> Q:
    """Has an agent answered in public?"""
    agents = Comment.objects.filter(ticket=OuterRef("pk"), public=True, author__account__isnull=False)
    return _is(Q(Exists(agents)), "is" if value == "yes" else "is_not")


def _ago(column: str) -> Callable[[str, str, Account | None], Q]:
    def find(operator: str, value: str, account: Account | None) -> Q:
        hours = min(_number(value), _MOST_HOURS)
        moment = clock.now() - timedelta(hours=hours)
        return Q(**{f"{column}__gte": moment}) if operator == "within_hours" else Q(**{f"{column}__lt": moment})

    return find


CONDITIONS: dict[str, Condition] = {
    "status": Condition(gettext_noop("Status"), _status, RANKED),
    "priority": Condition(gettext_noop("Priority"), _priority, RANKED),
    "type": Condition(gettext_noop("Type"), _type),
    "assignee_id": Condition(gettext_noop("Assignee"), _assignee),
    "group_id": Condition(gettext_noop("Group"), _group),
    "requester_id": Condition(gettext_noop("Requester"), _requester, kind="words"),
    "organization": Condition(gettext_noop("Organisation"), _organization, kind="words"),
    "language": Condition(gettext_noop("Language of the requester"), _language),
    "current_tags": Condition(gettext_noop("Tags"), _tags, HAS, "words"),
    "subject": Condition(gettext_noop("Subject"), _subject, HAS, "words"),
    "via": Condition(gettext_noop("How it began"), _via),
    "support_address": Condition(gettext_noop("Support address"), _support_address),
    "answered": Condition(gettext_noop("Answered by an agent"), _public_comment, ("is",)),
    "delivery": Condition(gettext_noop("Delivery"), _delivery),
    "cause": Condition(gettext_noop("Cause of an open failure"), _cause),
    "code": Condition(gettext_noop("Error code of an open failure"), _code, kind="words"),
    "recipient_domain": Condition(gettext_noop("Domain of a failed recipient"), _recipient_domain, kind="words"),
    "created": Condition(gettext_noop("Created"), _ago("created_at"), AGO, "hours"),
    "updated": Condition(gettext_noop("Last update"), _ago("updated_at"), AGO, "hours"),
    "solved": Condition(gettext_noop("Solved"), _ago("solved_at"), AGO, "hours"),
    "failed": Condition(gettext_noop("Failed since"), _ago("failed_at"), AGO, "hours"),
}


def _row(row: dict[str, Any], account: Account | None) -> Q:
    condition = CONDITIONS.get(row.get("field", ""))
    if condition is None:
        return nothing()
    return condition.find(row.get("operator", condition.operators[0]), str(row.get("value", "")), account)


def _is(query: Q, operator: str) -> Q:
    return ~query if operator == "is_not" else query


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
