"""Addresses of people, and whether mail to them arrives. The one writer of `Identity`.

Policy of suppression: a hard cause (no such address, no such domain, mailbox closed) stops mail to the address at once
and for 30 days. A temporary one (mailbox full, server away) does so when mail was given up on ten days: a day counts
once, and the count begins anew with each success, corrected address, word of an agent, or suppression that is over.
Severity only rises: a temporary cause never takes the place of a hard one. A suppression ends after its 30 days, or
with one success, a corrected address, or an agent who knows better. A cause that is ours never suppresses. Each
delivery event counts once, however often it is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet

from answerback.core import clock, live
from answerback.people.models import Account, DeliverabilityEntry, Identity, Person
from mailroom import address as addresses
from mailroom.causes import catalogue
from mailroom.causes.catalogue import Hardness

SUPPRESSED_FOR = timedelta(days=30)
SOFT_DAYS = 10  # with a failure of a temporary cause
KNOWN = ("deliverability", "since", "until", "cause", "smtp_code", "enhanced_code")  # fields of an Identity
Kind = DeliverabilityEntry.Kind
Deliverability = Identity.Deliverability


class BadAddressError(ValueError):
    """Not an address mail can go to. `problem` is the machine word of `mailroom.address.syntax_problem`."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(f"{address}: {problem}")
        self.address, self.problem = address, problem


class AddressTakenError(ValueError):
    """The address belongs to somebody already."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity.address)
        self.identity = identity


class NeededAddressError(ValueError):
    """The address cannot go: it is the primary one, or somebody signs in with it."""


def find(address: str) -> Identity | None:
    return Identity.objects.select_related("person").filter(normal=addresses.normalise(address)).first()


def find_or_create(address: str, name: str = "", language: str = "") -> Identity:
    """The identity of `address`; with a new person where nobody has it yet. BadAddressError for what is no address."""
    normal = _checked(address)
    if identity := find(address):
        return identity
    now = clock.now()
    try:
        with transaction.atomic():
            person = Person.objects.create(
                name=name.strip()[:200] or address.partition("@")[0],
                language=language,
                created_at=now,
                updated_at=now,
            )
            return _create(person, address, normal, primary=True)
    except IntegrityError:  # another process met the same newcomer at the same moment
        return Identity.objects.select_related("person").get(normal=normal)


def primary_of(person: Person) -> Identity | None:
    """Where mail to the person goes: the primary address, else the oldest."""
    return person.identities.order_by("-primary", "id").first()


def beginning_with(typed: str, limit: int) -> list[Identity]:
    """Addresses, or names of people, that begin so."""
    fitting = Q(normal__startswith=typed.lower()) | Q(person__name__istartswith=typed)
    return list(Identity.objects.filter(fitting).select_related("person").order_by("person__name", "id")[:limit])


def working_domains() -> set[str]:
    """Where mail to somebody arrives, as A-labels: what a mistyped domain may have been meant to be."""
    working = Identity.objects.filter(deliverability=Deliverability.DELIVERABLE)
    return set(working.values_list("domain", flat=True).distinct())


def add(person: Person, address: str, by: Account | None, primary: bool = False) -> Identity:
    """Another address of `person`. BadAddressError, AddressTakenError."""
    normal = _checked(address)
    if taken := find(address):
        if taken.person_id != person.pk:
            raise AddressTakenError(taken)
        if primary:
            make_primary(taken, by)
        return taken
    with transaction.atomic():
        identity = _create(person, address, normal, primary=not person.identities.filter(primary=True).exists())
        if primary:
            make_primary(identity, by)
    live.publish(f"person:{person.pk}")
    return identity


def correct(identity: Identity, address: str, by: Account | None) -> Identity:
    """The address was mistyped: the person's identity gets the right one, its troubles are forgotten.

    What was sent to the old address keeps the old address. BadAddressError, AddressTakenError.
    """
    normal = _checked(address)
    taken = find(address)
    if taken and taken.pk != identity.pk:
        if taken.person_id == identity.person_id:
            make_primary(taken, by)
            return taken
        raise AddressTakenError(taken)
    old = identity.address
    with transaction.atomic():
        identity.address, identity.normal, identity.domain = address, normal, normal.rpartition("@")[2]
        identity.verified = False
        _set_deliverability(identity, Deliverability.UNKNOWN, clock.now())
        identity.save()
        _touch(identity.person_id)
        _enter(identity, Kind.CORRECTED, clock.now(), by=by, note=f"{old} → {address}")
    live.publish(f"person:{identity.person_id}")
    return identity


def move(address: str, person: Person, by: Account | None) -> Identity:
    """The address belongs to `person`, not to whoever has it, and becomes primary. What was sent stays where it is.

    Identity.DoesNotExist; AddressTakenError for the address of somebody who works here.
    """
    with transaction.atomic():
        rows = Identity.objects.select_for_update(of=("self",)).select_related("person")
        identity = rows.get(normal=addresses.normalise(address))
        former = identity.person
        if former.pk == person.pk:
            make_primary(identity, by)
            return identity
        if Account.objects.filter(person=former).exists():
            raise AddressTakenError(identity)
        identity.person, identity.primary = person, False
        identity.save(update_fields=["person", "primary"])
        _enter(identity, Kind.CORRECTED, clock.now(), by=by, note=f"{former.name} → {person.name}")
        make_primary(identity, by)
    live.publish(f"person:{former.pk}")
    return identity


def make_primary(identity: Identity, by: Account | None) -> None:
    with transaction.atomic():
        Identity.objects.filter(person_id=identity.person_id, primary=True).exclude(pk=identity.pk).update(
            primary=False
        )
        Identity.objects.filter(pk=identity.pk).update(primary=True)
        identity.primary = True
    live.publish(f"person:{identity.person_id}")


def verify(identity: Identity) -> None:
    """Somebody vouches that the address is the person's."""
    Identity.objects.filter(pk=identity.pk).update(verified=True)
    identity.verified = True
    live.publish(f"person:{identity.person_id}")


def remove(identity: Identity) -> None:
    """The person has this address no longer. What was sent there keeps it. NeededAddressError."""
    with transaction.atomic():
        row = Identity.objects.select_for_update(no_key=True).get(pk=identity.pk)
        signs_in = Account.objects.filter(person_id=row.person_id, email__iexact=row.address).exists()
        if row.primary or signs_in:
            raise NeededAddressError
        row.delete()
    live.publish(f"person:{identity.person_id}")


def complained_among(found: Sequence[Identity]) -> set[int]:
    """Ids of those for whom there is a `complaint_about`, in one query."""
    told = DeliverabilityEntry.objects.filter(
        identity__in=[one.pk for one in found], kind__in=(Kind.COMPLAINT, Kind.MARKED_DELIVERABLE)
    )
    last = dict(told.order_by("at", "id").values_list("identity_id", "kind"))
    return {pk for pk, kind in last.items() if kind == Kind.COMPLAINT}


def suppressed() -> QuerySet[Identity]:
    """Addresses we do not write to for now."""
    still = Q(until__isnull=True) | Q(until__gt=clock.now())
    return Identity.objects.filter(still, deliverability=Deliverability.SUPPRESSED)


def is_suppressed(identity: Identity, at: datetime | None = None) -> bool:
    if identity.deliverability != Deliverability.SUPPRESSED:
        return False
    return identity.until is None or identity.until > (at or clock.now())


def complaint_about(identity: Identity) -> DeliverabilityEntry | None:
    """The newest complaint from the address that nobody has answered for since."""
    said = identity.ledger.filter(kind__in=[Kind.COMPLAINT, Kind.MARKED_DELIVERABLE]).order_by("-at", "-id").first()
    return said if said and said.kind == Kind.COMPLAINT else None


def mark_deliverable(identity: Identity, by: Account, note: str = "") -> None:
    """An agent knows that the address works again."""
    now = clock.now()
    with transaction.atomic():
        Identity.objects.select_for_update(no_key=True).get(pk=identity.pk)
        identity.refresh_from_db()  # what a delivery event wrote meanwhile stays
        _set_deliverability(identity, Deliverability.UNKNOWN, now)
        identity.save()
        _enter(identity, Kind.MARKED_DELIVERABLE, now, by=by, note=note[:300])
    live.publish(f"person:{identity.person_id}")


def suppress_again(identity_id: int, marked: Identity, before: Identity, by: Account) -> bool:
    """Whoever marked it deliverable takes that back: what was known `before` counts again, until the same day.

    False where more is known of it than when it was `marked`, or it is another address.
    """
    now = clock.now()
    with transaction.atomic():
        untouched = {name: getattr(marked, name) for name in ("deliverability", "since", "normal")}
        rows = Identity.objects.select_for_update(no_key=True).filter(pk=identity_id, **untouched)
        identity = rows.first()
        if identity is None or not is_suppressed(before, now):
            return False
        for name in KNOWN:
            setattr(identity, name, getattr(before, name))
        identity.save()
        _enter(identity, Kind.SUPPRESSED_AGAIN, now, by=by)
    live.publish(f"person:{identity.person_id}")
    return True


def record_success(identity_id: int, delivery_event_id: int, at: datetime) -> None:
    """A server took a mail to the address."""
    with transaction.atomic():
        identity = Identity.objects.select_for_update(no_key=True).filter(pk=identity_id).first()
        if identity is None or not _enter_once(identity, Kind.SUCCESS, at, delivery_event_id):
            return
        identity.last_success_at = at
        if identity.deliverability != Deliverability.DELIVERABLE:
            _set_deliverability(identity, Deliverability.DELIVERABLE, at)
        identity.save()
    live.publish(f"person:{identity.person_id}")


def record_failure(
    identity_id: int,
    delivery_event_id: int,
    at: datetime,
    *,
    cause: str,
    permanent: bool,
    smtp_code: int | None,
    enhanced_code: str,
) -> None:
    """A mail to the address was given up. `permanent`: as the other side says; a hard cause needs that to count."""
    with transaction.atomic():
        identity = Identity.objects.select_for_update(no_key=True).filter(pk=identity_id).first()
        if identity is None or not _enter_once(identity, Kind.FAILURE, at, delivery_event_id, cause, permanent):
            return
        identity.last_failure_at = at
        if _suppresses(identity, cause, permanent):
            _set_deliverability(identity, Deliverability.SUPPRESSED, at)
            identity.until = at + SUPPRESSED_FOR
            identity.cause, identity.smtp_code, identity.enhanced_code = cause, smtp_code, enhanced_code
        identity.save()
    live.publish(f"person:{identity.person_id}")


def record_complaint(identity_id: int, delivery_event_id: int, at: datetime) -> None:
    """The receiver pressed "this is spam". Noted; it does not stop answers by itself."""
    with transaction.atomic():
        identity = Identity.objects.select_for_update(no_key=True).filter(pk=identity_id).first()
        if identity is None or not _enter_once(identity, Kind.COMPLAINT, at, delivery_event_id):
            return
    live.publish(f"person:{identity.person_id}")


def end_suppressions() -> int:
    """Suppressions whose time is over: nothing is known of these addresses any more."""
    now = clock.now()
    return Identity.objects.filter(deliverability=Deliverability.SUPPRESSED, until__lte=now).update(
        deliverability=Deliverability.UNKNOWN, since=now, until=None, cause="", smtp_code=None, enhanced_code=""
    )


def _suppresses(identity: Identity, cause: str, permanent: bool) -> bool:
    """Whether the next mail to the address would most likely fail as well; the failure stands in the ledger already."""
    hardness = catalogue.load().cause(cause).hardness
    if hardness is Hardness.HARD:
        return permanent
    if hardness is not Hardness.SOFT or _is_hard(identity):
        return False
    return len(_soft_days(identity)) >= SOFT_DAYS


def _is_hard(identity: Identity) -> bool:
    known = catalogue.load().cause(identity.cause).hardness
    return identity.deliverability == Deliverability.SUPPRESSED and known is Hardness.HARD


def _soft_days(identity: Identity) -> set[date]:
    """The days (UTC) on which mail to the address was given up for a temporary cause, since it was last in order."""
    ended = identity.since if identity.deliverability == Deliverability.UNKNOWN else None
    news = identity.ledger.filter(kind__in=[Kind.SUCCESS, Kind.MARKED_DELIVERABLE, Kind.CORRECTED])
    begin = max(filter(None, [ended, news.aggregate(last=Max("at"))["last"]]), default=None)
    soft = [cause.key for cause in catalogue.load().causes.values() if cause.hardness is Hardness.SOFT]
    failures = identity.ledger.filter(kind=Kind.FAILURE, cause__in=soft)
    if begin is not None:
        failures = failures.filter(at__gt=begin)
    return {at.date() for at in failures.values_list("at", flat=True)}


def _checked(address: str) -> str:
    if problem := addresses.syntax_problem(address):
        raise BadAddressError(address, problem)
    return addresses.normalise(address)


def _touch(person_id: int) -> None:
    Person.objects.filter(pk=person_id).update(updated_at=clock.now())


def _create(person: Person, address: str, normal: str, primary: bool) -> Identity:
    _touch(person.pk)
    return Identity.objects.create(
        person=person,
        address=address,
        normal=normal,
        domain=normal.rpartition("@")[2],
        primary=primary,
        created_at=clock.now(),
    )


def _set_deliverability(identity: Identity, state: Deliverability, at: datetime) -> None:
    identity.deliverability, identity.since, identity.until = state, at, None
    identity.cause, identity.smtp_code, identity.enhanced_code = "", None, ""


def _enter(identity: Identity, kind: Kind, at: datetime, *, by: Account | None = None, note: str = "") -> None:
    DeliverabilityEntry.objects.create(identity=identity, kind=kind, at=at, by=by, note=note[:300])


def _enter_once(
    identity: Identity, kind: Kind, at: datetime, event_id: int, cause: str = "", permanent: bool = False
) -> bool:
    """True where the event had not counted yet."""
    _, created = DeliverabilityEntry.objects.get_or_create(
        delivery_event_id=event_id,
        defaults={"identity": identity, "kind": kind, "at": at, "cause": cause, "permanent": permanent},
    )
    return created
