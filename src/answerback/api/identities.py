"""The addresses of a user, in Zendesk's shape, and beside it what we know of each: key `answerback`.

Other than Zendesk's, `deliverable_state` can be set: to `deliverable`, where an address works again. After a complaint
that needs a `reason`, because somebody there did not want our mail.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import get_language
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import PAGED, doc, listed, one
from answerback.api.errors import InvalidError
from answerback.api.users import require_reach, time
from answerback.people import identities
from answerback.people.models import Account, DeliverabilityEntry, Identity, Person
from mailroom.causes import catalogue

router = Router(tags=["identities"])

DELIVERABLE, UNDELIVERABLE = "deliverable", "undeliverable"
_RESERVED = {"example.com", "example.net", "example.org", "example.edu"}  # RFC 2606, and one more by habit
_ABOUT_COMPLAINTS = (DeliverabilityEntry.Kind.COMPLAINT, DeliverabilityEntry.Kind.MARKED_DELIVERABLE)
_SOFT = Q(ledger__kind=DeliverabilityEntry.Kind.FAILURE, ledger__permanent=False)


class Deliverability(Schema):
    """What we know of an address."""

    state: str
    since: str | None
    until: str | None
    cause: str | None
    cause_text: str | None
    code: str | None
    complained: bool
    last_success_at: str | None
    last_failure_at: str | None


class IdentityOut(Schema):
    id: int
    url: str
    user_id: int
    type: str
    value: str
    verified: bool
    verification_method: str
    primary: bool
    deliverable_state: str
    undeliverable_count: int
    created_at: str
    updated_at: str
    answerback: Deliverability


class IdentityIn(Schema):
    type: str = "email"
    value: str | None = None
    verified: bool | None = None
    primary: bool | None = None
    deliverable_state: str | None = None
    reason: str = ""


class IdentityBody(Schema):
    identity: IdentityIn


IdentityAnswer = one("identity", IdentityOut)
IdentityList = listed("identities", IdentityOut)
_NEW = {"identity": {"type": "email", "value": "anna@example.org"}}
_WORKS_AGAIN = {"identity": {"deliverable_state": "deliverable", "reason": "Anna says that it works"}}


@router.get("/users/{int:user_id}/identities", **doc(IdentityList, takes=PAGED, faults=(404,)))
def list_identities(request: HttpRequest, user_id: int) -> HttpResponse:
    """The addresses of a user"""
    return _list(request, Person.objects.get(pk=user_id))


@router.post("/users/{int:user_id}/identities", **doc(IdentityAnswer, status=201, example=_NEW, faults=(403, 404, 422)))
def create_identity(request: HttpRequest, user_id: int, body: IdentityBody) -> HttpResponse:
    """A further address

    With `"primary": true` mail goes there from now on.
    """
    sent, person, by = body.identity, Person.objects.get(pk=user_id), caller(request)
    require_reach(by, person)
    if sent.type != "email":
        raise InvalidError(type="Type: only email addresses are kept")
    identity = _put(lambda: identities.add(person, _value(sent), by, primary=bool(sent.primary)), _value(sent))
    if sent.verified:
        identities.verify(identity)
    answer = _answer(identity, status=201)
    answer.headers["Location"] = paging.url(f"users/{user_id}/identities/{identity.pk}.json")
    return answer


@router.get("/users/{int:user_id}/identities/{int:identity_id}", **doc(IdentityAnswer, faults=(404,)))
def show_identity(request: HttpRequest, user_id: int, identity_id: int) -> HttpResponse:
    """One address"""
    return _answer(_get(user_id, identity_id))


@router.put(
    "/users/{int:user_id}/identities/{int:identity_id}",
    **doc(IdentityAnswer, example=_WORKS_AGAIN, faults=(403, 404, 422)),
)
def update_identity(request: HttpRequest, user_id: int, identity_id: int, body: IdentityBody) -> HttpResponse:
    """Correct an address, or say that it works again

    A new `value` corrects a mistyped address: what is known of the old one is forgotten. `deliverable_state` takes
    `deliverable`; after a complaint that needs a `reason`. Mail that was held stays held until it is sent again.
    """
    sent, identity, by = body.identity, _get(user_id, identity_id), caller(request)
    require_reach(by, identity.person)
    if sent.value and sent.value.strip() != identity.address:
        identity = _put(lambda: identities.correct(identity, _value(sent), by), _value(sent))
    if sent.deliverable_state and sent.deliverable_state != _state(identity):
        _believe_again(identity, sent, by)
    if sent.verified:
        identities.verify(identity)
    if sent.primary:
        identities.make_primary(identity, by)
    return _answer(identity)


@router.put(
    "/users/{int:user_id}/identities/{int:identity_id}/make_primary",
    **doc(IdentityList, faults=(403, 404)),
)
def make_identity_primary(request: HttpRequest, user_id: int, identity_id: int) -> HttpResponse:
    """Mail goes to this address from now on

    Answers all addresses of the user.
    """
    identity, by = _get(user_id, identity_id), caller(request)
    require_reach(by, identity.person)
    identities.make_primary(identity, by)
    return _list(request, identity.person)


@router.put(
    "/users/{int:user_id}/identities/{int:identity_id}/verify",
    **doc(IdentityAnswer, faults=(403, 404)),
)
def verify_identity(request: HttpRequest, user_id: int, identity_id: int) -> HttpResponse:
    """The address is the user's"""
    identity = _get(user_id, identity_id)
    require_reach(caller(request), identity.person)
    identities.verify(identity)
    return _answer(identity)


@router.delete("/users/{int:user_id}/identities/{int:identity_id}", **doc(None, status=204, faults=(403, 404, 422)))
def delete_identity(request: HttpRequest, user_id: int, identity_id: int) -> HttpResponse:
    """The user has this address no longer

    Neither the primary one goes nor the one somebody signs in with.
    """
    identity = _get(user_id, identity_id)
    require_reach(caller(request), identity.person)
    try:
        identities.remove(identity)
    except identities.NeededAddressError:
        raise InvalidError(base="Identity: is the primary address, or somebody signs in with it") from None
    return HttpResponse(status=204)


def present(rows: list[Identity]) -> list[dict[str, Any]]:
    """In two queries, whatever their number."""
    told = Prefetch("ledger", DeliverabilityEntry.objects.filter(kind__in=_ABOUT_COMPLAINTS), to_attr="told")
    known = Identity.objects.annotate(soft=Count("ledger", filter=_SOFT)).prefetch_related(told)
    found = {row.pk: row for row in known.filter(pk__in=[row.pk for row in rows])}
    return [_present(found[row.pk]) for row in rows]


def _answer(identity: Identity, status: int = 200) -> HttpResponse:
    return JsonResponse({"identity": present([identity])[0]}, status=status)


def _list(request: HttpRequest, person: Person) -> HttpResponse:
    kinds = request.GET.getlist("type[]")
    rows = Identity.objects.filter(person=person)
    return paging.answer(request, rows if not kinds or "email" in kinds else rows.none(), "identities", present)


def _get(user_id: int, identity_id: int) -> Identity:
    return Identity.objects.select_related("person").get(pk=identity_id, person_id=user_id)


def _value(sent: IdentityIn) -> str:
    if not (sent.value or "").strip():
        raise InvalidError(value="Value: cannot be blank")
    return (sent.value or "").strip()


def _put(work: Any, address: str) -> Identity:
    try:
        return work()
    except identities.BadAddressError:
        raise InvalidError(value=f"Value: {address} is not properly formatted") from None
    except identities.AddressTakenError:
        raise InvalidError(value=f"Value: {address} is already being used by another user") from None


def _believe_again(identity: Identity, sent: IdentityIn, by: Account) -> None:
    if sent.deliverable_state != DELIVERABLE:
        raise InvalidError(deliverable_state="Deliverable state: can only be set to deliverable")
    if identities.complaint_about(identity) and not sent.reason.strip():
        raise InvalidError(reason="Reason: somebody there reported our mail as spam; say why it is wanted now")
    identities.mark_deliverable(identity, by, sent.reason.strip())


def _state(identity: Identity) -> str:
    """In Zendesk's words."""
    if identity.domain in _RESERVED:
        return "reserved_example"
    if identity.normal.startswith("mailer-daemon@"):
        return "mailer_daemon"
    return UNDELIVERABLE if identities.is_suppressed(identity) else DELIVERABLE


def _present(identity: Any) -> dict[str, Any]:
    moments = (identity.created_at, identity.since, identity.last_success_at, identity.last_failure_at)
    return {
        "id": identity.pk,
        "url": paging.url(f"users/{identity.person_id}/identities/{identity.pk}.json"),
        "user_id": identity.person_id,
        "type": "email",
        "value": identity.address,
        "verified": identity.verified,
        "verification_method": "low" if identity.verified else "none",
        "primary": identity.primary,
        "deliverable_state": _state(identity),
        "undeliverable_count": identity.soft,
        "created_at": time(identity.created_at),
        "updated_at": time(max(filter(None, moments))),
        "answerback": _ours(identity),
    }


def _ours(identity: Any) -> dict[str, Any]:
    cause = identity.cause
    newest = max(identity.told, key=lambda row: (row.at, row.pk), default=None)
    return {
        "state": identity.deliverability,
        "since": time(identity.since),
        "until": time(identity.until),
        "cause": cause or None,
        "cause_text": catalogue.load().cause(cause).text(get_language() or "en").sentence if cause else None,
        "code": " ".join(filter(None, [str(identity.smtp_code or ""), identity.enhanced_code])) or None,
        "complained": newest is not None and newest.kind == DeliverabilityEntry.Kind.COMPLAINT,
        "last_success_at": time(identity.last_success_at),
        "last_failure_at": time(identity.last_failure_at),
    }
