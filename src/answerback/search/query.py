"""The query language, after Zendesk's: words and "phrases", `key:value`, `status<solved`, `-` for not, `order_by:`.

Values of one key are alternatives (`status:new status:open`); different keys all hold. A key nobody knows is a problem
the page tells, not an empty result.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.search import conditions
from answerback.search.folding import fold
from answerback.search.models import Document
from answerback.search.views import SORTS
from answerback.tickets.models import Ticket

_TERM = re.compile(
    r'(?P<not>-)?(?:(?P<key>[a-z_]{2,20})(?P<op>:|<=|>=|<|>))?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))', re.I
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")


@dataclass
class Search:
    """A query, understood. `problems` are (machine word, what) for the page to say."""

    where: Q = field(default_factory=Q)
    sort_by: str = "updated"
    descending: bool = True
    problems: list[tuple[str, str]] = field(default_factory=list)

    def tickets(self) -> QuerySet[Ticket]:
        return Ticket.objects.filter(self.where)


def parse(text: str, account: Account | None) -> Search:
    """Never raises: what is not understood is told in `problems` and left out."""
    search = Search()
    alternatives: dict[tuple[str, str, bool], Q] = defaultdict(Q)
    for term in _TERM.finditer(text):
        key, operator = (term["key"] or "").lower(), term["op"] or ""
        value = term["phrase"] if term["phrase"] is not None else term["word"]
        if key in ("order_by", "sort"):
            _order(search, key, value)
            continue
        query = _term(search, key, operator, value, account)
        if query is None:
            continue
        negated = bool(term["not"])
        slot = (key, operator, negated) if key and operator == ":" else (str(term.start()), "", negated)
        alternatives[slot] |= query
    for (_, _, negated), query in alternatives.items():
        search.where &= ~query if negated else query
    return search


def _term(search: Search, key: str, operator: str, value: str, account: Account | None) -> Q | None:
    if not key:
        return _words(value)
    if key in ("created", "updated", "solved"):
        return _dated(search, f"{key}_at", operator, value)
    if key in ("status", "priority"):
        return _ranked(search, key, operator, value)
    handler = _KEYS.get(key)
    if handler is None:
        search.problems.append(("unknown_key", key))
        return None
    return handler(value, account)


def _words(value: str) -> Q:
    folded = fold(value).strip("*").strip()
    if value.lstrip("#").isdigit():
        return Q(pk=int(value.lstrip("#")[:18])) | Q(_in_document(folded))
    return Q(_in_document(folded)) if folded else Q()


def _in_document(folded: str) -> Exists:
    return Exists(Document.objects.filter(ticket=OuterRef("pk"), text__contains=folded))


def _order(search: Search, key: str, value: str) -> None:
    if key == "sort":
        search.descending = value.lower() != "asc"
        return
    name = value.lower().removesuffix("_at")
    if name in SORTS:
        search.sort_by = name
    else:
        search.problems.append(("unknown_order", value))


def _ranked(search: Search, key: str, operator: str, value: str) -> Q | None:
    value = {"on-hold": "hold", "onhold": "hold"}.get(value.lower(), value.lower())
    words = {":": "is", "<": "less_than", ">": "greater_than"}
    field_conditions = {"field": key, "value": value}
    if operator in words:
        return conditions.build({"all": [field_conditions | {"operator": words[operator]}]}, None)
    strict = conditions.build({"all": [field_conditions | {"operator": words[operator[0]]}]}, None)
    return strict | conditions.build({"all": [field_conditions | {"operator": "is"}]}, None)


def _dated(search: Search, column: str, operator: str, value: str) -> Q | None:
    if not _DATE.match(value):
        search.problems.append(("bad_date", value))
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        search.problems.append(("bad_date", value))
        return None
    start = timezone.make_aware(datetime.combine(day, time.min))
    end = start + timedelta(days=1)
    match operator:
        case "<":
            return Q(**{f"{column}__lt": start})
        case "<=":
            return Q(**{f"{column}__lt": end})
        case ">":
            return Q(**{f"{column}__gte": end})
        case ">=":
            return Q(**{f"{column}__gte": start})
    return Q(**{f"{column}__gte": start, f"{column}__lt": end})


def _tags(value: str, account: Account | None) -> Q:
    return conditions.tag(value)


def _delivery(value: str, account: Account | None) -> Q:
    return conditions.delivery(value.lower(), account)


def _subject(value: str, account: Account | None) -> Q:
    return Q(subject__icontains=value.strip("*"))


def _requester(value: str, account: Account | None) -> Q:
    if value == "me":
        return Q(requester=account.person_id if account else None)
    return Q(requester__identities__normal=value.lower()) | Q(requester__name__icontains=value)


def _assignee(value: str, account: Account | None) -> Q:
    if value == "me":
        return Q(assignee=account)
    if value == "none":
        return Q(assignee__isnull=True)
    return Q(assignee__email__iexact=value) | Q(assignee__person__name__icontains=value)


def _group(value: str, account: Account | None) -> Q:
    return Q(group__isnull=True) if value == "none" else Q(group__name__iexact=value)


def _type(value: str, account: Account | None) -> Q:
    return Q() if value == "ticket" else Q(type=value.lower())


def _delivered_to(**which: str) -> Q:
    return Q(Exists(Delivery.objects.filter(ticket=OuterRef("pk"), **which).exclude(kind="agent")))


def _cause(value: str, account: Account | None) -> Q:
    return _delivered_to(cause=value.lower())


def _code(value: str, account: Account | None) -> Q:
    return _delivered_to(smtp_code=value) if value.isdigit() and len(value) == 3 else _delivered_to(enhanced_code=value)


def _recipient(value: str, account: Account | None) -> Q:
    return _delivered_to(recipient__iexact=value)


_KEYS: dict[str, Callable[[str, Account | None], Q]] = {
    "tags": _tags,
    "tag": _tags,
    "delivery": _delivery,
    "subject": _subject,
    "requester": _requester,
    "assignee": _assignee,
    "group": _group,
    "type": _type,
    "cause": _cause,
    "code": _code,
    "recipient": _recipient,
}
