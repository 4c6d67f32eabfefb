"""What one can search by: `key:value`. One row for each key; the help and the suggestions are made of the same table.

Policy: what few tickets have (a code, a tag) is first asked for by itself, up to a bound, so that the database needs
no luck with its plan; only where many have it, each ticket is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q, QuerySet

from answerback.outbound.models import Delivery, DeliveryEvent, Message
from answerback.people.models import Account, Identity, Organization
from answerback.search import catching_up, conditions, index, matching, moments
from answerback.search.matching import Column, Term
from answerback.tickets.models import Attachment, Participant, Tag, Ticket
from mailroom import address as addresses

FEW = 2000
_MOST_PEOPLE = 1000
_MOST_FRESH = 100
_COMPARISONS = ("<", ">", "<=", ">=")
COMMENT = (Column.TEXT,)
SUBJECT = (Column.SUBJECT,)


@dataclass(frozen=True)
class Asked:
    """A value of a key, as it was typed."""

    operator: str
    value: str
    account: Account | None
    phrase: bool = False


@dataclass(frozen=True)
class Key:
    """`find` gives a condition, terms of the full text, or None for a value it does not understand."""

    find: Callable[[Asked], Q | list[Term] | None]
    values: Sequence[str] = ()  # all there are, or examples where `free`
    free: bool = False
    compares: bool = False
    people: bool = False  # the values are people


def narrow(rows: QuerySet, ticket: str = "ticket") -> Q:
    """The tickets that have one of the rows."""
    ids = list(rows.order_by("-pk").values_list(ticket, flat=True)[: FEW + 1])
    if len(ids) <= FEW:
        return Q(pk__in={one for one in ids if one is not None})
    return Q(Exists(rows.filter(**{ticket: OuterRef("pk")})))


def _status(asked: Asked) -> Q | None:
    value = asked.value.lower()
    value = {"on-hold": "hold", "onhold": "hold"}.get(value, value)
    return conditions.compared("status_rank", conditions.STATUSES, asked.operator, value)


def _priority(asked: Asked) -> Q | None:
    value = asked.value.lower()
    value = "" if value == "none" else value
    return conditions.compared("priority_rank", conditions.PRIORITIES, asked.operator, value)


def _type(asked: Asked) -> Q | None:
    value = asked.value.lower()
    if value == "ticket":
        return Q()
    return Q(type="" if value == "none" else value) if value in (*Ticket.Type, "none") else None


def _tags(asked: Asked) -> Q:
    names = asked.value.lower().split()
    found = Q(pk__in=[])
    for name in names:
        if name == "none":
            found |= ~Q(Exists(Tag.objects.filter(ticket=OuterRef("pk"))))
        elif name.endswith("*"):
            found |= narrow(Tag.objects.filter(name__startswith=name.rstrip("*")))
        else:
            found |= narrow(Tag.objects.filter(name=name))
    return found


def people_ids(text: str, account: Account | None) -> list[int]:
    """People by number, address or name: the newest of them, where there are many."""
    if text.lower() == "me":
        return [account.person_id] if account else []
    if "@" in text and not text.startswith("@"):
        normal = addresses.normalise(text)
        if known := list(Identity.objects.filter(normal=normal).values_list("person_id", flat=True)):
            return known
    return find_people(text, _MOST_PEOPLE)


def find_people(text: str, limit: int) -> list[int]:
    """People whose names and addresses have all the words; those who changed just now by the very letters."""
    terms = matching.word(text)
    if not terms:
        return []
    part = text.strip("*")
    fresh = catching_up.unread_people().filter(Q(name__icontains=part) | Q(identities__address__icontains=part))
    found = dict.fromkeys(fresh.order_by("-id").values_list("pk", flat=True)[:_MOST_FRESH])
    found |= dict.fromkeys(index.people().hits(settled(terms, index.people()), limit))
    return sorted(found, reverse=True)[:limit]


def settled(terms: Sequence[Term], where: index.Index) -> list[Term]:
    """Each term by its own leaves, or, where nothing at all has one of them, by what else it may mean."""
    return [
        replace(term, leaves=term.otherwise, otherwise=())
        if term.otherwise and not where.hits([term], 1)
        else replace(term, otherwise=())
        for term in terms
    ]


def _requester(asked: Asked) -> Q:
    return Q(requester__in=people_ids(asked.value, asked.account))


def _submitter(asked: Asked) -> Q:
    return Q(submitter__in=people_ids(asked.value, asked.account))


def _cc(asked: Asked) -> Q:
    copied = Participant.objects.filter(role=Participant.Role.CC)
    if asked.value.lower() == "none":
        return ~Q(Exists(copied.filter(ticket=OuterRef("pk"))))
    return narrow(copied.filter(person__in=people_ids(asked.value, asked.account)))


def _assignee(asked: Asked) -> Q:
    value = asked.value.lower()
    if value == "none":
        return Q(assignee__isnull=True)
    if value == "me":
        return Q(assignee=asked.account) if asked.account else Q(pk__in=[])
    agents = Account.objects.filter(Q(email__iexact=value) | Q(person__name__icontains=value))
    return Q(assignee__in=list(agents.values_list("pk", flat=True)))


def _group(asked: Asked) -> Q:
    if asked.value.lower() == "none":
        return Q(group__isnull=True)
    return Q(group__name__icontains=asked.value.strip("*"))


def _organization(asked: Asked) -> Q:
    if asked.value.lower() == "none":
        return Q(requester__organization__isnull=True)
    found = Organization.objects.filter(name__icontains=asked.value.strip("*"))
    return Q(requester__organization__in=list(found.values_list("pk", flat=True)[:_MOST_PEOPLE]))


def _in(columns: tuple[Column, ...]) -> Callable[[Asked], list[Term] | None]:
    def find(asked: Asked) -> list[Term] | None:
        read = matching.phrase if asked.phrase else matching.word
        return read(asked.value, columns) or None

    return find


def _time(column: str) -> Callable[[Asked], Q | None]:
    def find(asked: Asked) -> Q | None:
        span = moments.read(asked.value)
        return moments.where(column, asked.operator, span) if span else None

    return find


def _via(asked: Asked) -> Q | None:
    value = {"mail": "email", "e-mail": "email"}.get(asked.value.lower(), asked.value.lower())
    return Q(via=value) if value in VIAS else None


def _has(asked: Asked) -> Q | None:
    if asked.value.lower().rstrip("s") != "attachment":
        return None
    return Q(Exists(Attachment.objects.filter(comment__ticket=OuterRef("pk"))))


def _language(asked: Asked) -> Q:
    return Q(requester__language=asked.value.lower())


def _support_address(asked: Asked) -> Q:
    return Q(support_address__address__icontains=asked.value.strip("*"))


def _number(asked: Asked) -> Q | None:
    value = asked.value.removeprefix("#")
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        return None
    suffix = {"<": "__lt", ">": "__gt", "<=": "__lte", ">=": "__gte"}.get(asked.operator, "")
    return Q(**{f"id{suffix}": int(value)})


def _delivery(asked: Asked) -> Q | None:
    value = asked.value.lower()
    if value == "held":
        return narrow(_to_customers().filter(state="held"))
    if value == "complaint":
        return narrow(DeliveryEvent.objects.filter(fact="complaint"), "delivery__ticket")
    return conditions.delivery(value, asked.account) if value in DELIVERY else None


def _cause(asked: Asked) -> Q:
    return narrow(_to_customers().filter(cause=asked.value.lower()))


def _code(asked: Asked) -> Q:
    """A reply code or an enhanced status: "550", "5.1.1", both in one, or with a star: "5.7*"."""
    rows = _to_customers().exclude(cause="")
    for part in asked.value.replace("#", "").split():
        if part.isascii() and part.isdigit() and len(part) == 3:
            rows = rows.filter(smtp_code=int(part))
        elif part.endswith("*"):
            rows = rows.filter(enhanced_code__startswith=part.rstrip("*"))
        else:
            rows = rows.filter(enhanced_code=part)
    return narrow(rows)


def _recipient(asked: Asked) -> Q:
    return narrow(to_recipient(asked.value).exclude(kind=Message.Kind.AGENT))


def to_recipient(text: str) -> QuerySet[Delivery]:
    """Deliveries to an address, or to a domain: "@example.org"."""
    value = text.strip().strip("*")
    if value.startswith("@"):
        of_domain = Q(identity__domain=value[1:].lower()) | Q(destination=value[1:].lower())
        return Delivery.objects.filter(of_domain, recipient__iendswith=value)
    if "@" not in value:
        return Delivery.objects.filter(person__in=people_ids(value, None))
    same = Q(recipient=value) | Q(recipient=value.lower()) | Q(identity__normal=addresses.normalise(value))
    return Delivery.objects.filter(same, recipient__iexact=value)


def _trigger(asked: Asked) -> Q:
    return narrow(Message.objects.filter(trigger_title__icontains=asked.value.strip("*"), ticket__isnull=False))


def _to_customers() -> QuerySet[Delivery]:
    return Delivery.objects.filter(ticket__isnull=False).exclude(kind=Message.Kind.AGENT)


VIAS = ("email", "web", "api")
DELIVERY = ("open", "failed", "trying", "automatic", "answer", "mine", "held", "complaint")
_MOMENTS = ("today", "yesterday", "4hours", "2days", "1week")
KEYS: dict[str, Key] = {
    "status": Key(_status, tuple(Ticket.Status), compares=True),
    "priority": Key(_priority, (*Ticket.Priority, "none"), compares=True),
    "type": Key(_type, (*Ticket.Type, "none")),
    "tags": Key(_tags, ("system_email_notification_failure", "none"), free=True),
    "requester": Key(_requester, ("me",), free=True, people=True),
    "assignee": Key(_assignee, ("me", "none"), free=True, people=True),
    "submitter": Key(_submitter, ("me",), free=True, people=True),
    "cc": Key(_cc, ("me", "none"), free=True, people=True),
    "group": Key(_group, ("none",), free=True),
    "organization": Key(_organization, ("none",), free=True),
    "subject": Key(_in(SUBJECT), free=True),
    "comment": Key(_in(COMMENT), free=True),
    "created": Key(_time("created_at"), _MOMENTS, free=True, compares=True),
    "updated": Key(_time("updated_at"), _MOMENTS, free=True, compares=True),
    "solved": Key(_time("solved_at"), _MOMENTS, free=True, compares=True),
    "failed": Key(_time("failed_at"), _MOMENTS, free=True, compares=True),
    "delivery": Key(_delivery, DELIVERY),
    "cause": Key(_cause, free=True),
    "code": Key(_code, ("550", "5.1.1", "5.2.2", "5.7.1"), free=True),
    "recipient": Key(_recipient, free=True),
    "trigger": Key(_trigger, free=True),
    "via": Key(_via, VIAS),
    "has": Key(_has, ("attachment",)),
    "language": Key(_language, ("en", "de"), free=True),
    "support_address": Key(_support_address, free=True),
    "id": Key(_number, free=True, compares=True),
}
ALIASES = {
    "tag": "tags",
    "ticket_type": "type",
    "description": "comment",
    "organisation": "organization",
    "created_at": "created",
    "updated_at": "updated",
    "solved_at": "solved",
    "ticket_id": "id",
    "channel": "via",
    "brand": "support_address",
    "support": "support_address",
}
