"""Users: people with their primary address, agents among them.

Policy: agents look after customers, administrators after agents as well. Customers need no account; agents and
administrators have one, and get their password by `answerback user`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import admin, caller
from answerback.api.describe import PAGED, doc, listed, needed, one, query
from answerback.api.errors import BadRequestError, ForbiddenError, InvalidError
from answerback.desk import admin_changes
from answerback.desk.admin_changes import Via
from answerback.desk.merging import merge_people
from answerback.people import accounts, identities, merging, profiles, team
from answerback.people.models import Account, Group, Identity, Person

router = Router(tags=["users"])

END_USER = "end-user"
_ROLES = (END_USER, *Account.Role.values)


class UserOut(Schema):
    id: int
    url: str
    name: str
    email: str | None
    role: str
    active: bool
    suspended: bool
    verified: bool
    phone: str | None
    notes: str
    details: str
    locale: str | None
    signature: str | None
    organization_id: int | None
    default_group_id: int | None
    external_id: str | None
    tags: list[str]
    created_at: str
    updated_at: str


class FurtherAddressIn(Schema):
    type: str = "email"
    value: str


class UserIn(Schema):
    """What a user is made from or changed by. What is not sent stays as it is."""

    name: str | None = None
    email: str | None = None
    identities: list[FurtherAddressIn] | None = None
    role: str | None = None
    phone: str | None = None
    notes: str | None = None
    locale: str | None = None
    signature: str | None = None
    active: bool | None = None
    default_group_id: int | None = None
    verified: bool | None = None


class UserBody(Schema):
    user: UserIn


class SurvivorIn(Schema):
    id: int


class SurvivorBody(Schema):
    """Into whom."""

    user: SurvivorIn


UserAnswer = one("user", UserOut)
UserList = listed("users", UserOut)
_EXAMPLE = {"user": {"name": "Anna Berg", "email": "anna@example.org", "phone": "+49 30 901820", "locale": "de"}}
_ROLE = query("role", "only users with this role", enum=list(_ROLES))


@router.get("/users/me", **doc(UserAnswer))
def show_me(request: HttpRequest) -> HttpResponse:
    """The account whose token this is"""
    return _answer(caller(request).person)


@router.get("/users", **doc(UserList, takes=(*PAGED, _ROLE)))
def list_users(request: HttpRequest) -> HttpResponse:
    """Everybody, agents and customers"""
    roles = [*request.GET.getlist("role"), *request.GET.getlist("role[]")]
    return paging.answer(request, _with_roles(roles), "users", present)


@router.get("/users/show_many", **doc(UserList, takes=(needed(query("ids", "a comma list")),)))
def show_many_users(request: HttpRequest) -> HttpResponse:
    """Several users by id"""
    rows = Person.objects.filter(pk__in=paging.ids(request.GET.get("ids", ""))).order_by("id")[: paging.MOST]
    found = present(list(rows))
    return JsonResponse({"users": found, "count": len(found), "next_page": None, "previous_page": None})


@router.get("/users/search", **doc(UserList, takes=(query("query", "words of names and addresses"), *PAGED)))
def search_users(request: HttpRequest) -> HttpResponse:
    """By words of name and address

    Each word has to occur; `email:`, `name:`, `phone:` and `role:` look in one field only.
    """
    return paging.answer(request, _found(request.GET.get("query", "")), "users", present)


@router.get("/users/autocomplete", **doc(UserList, takes=(needed(query("name", "how the name begins")), *PAGED)))
def autocomplete_users(request: HttpRequest) -> HttpResponse:
    """By the beginning of a name or an address"""
    start = request.GET.get("name", "").strip()
    rows = Person.objects.filter(Q(name__istartswith=start) | Q(identities__normal__istartswith=start)).distinct()
    return paging.answer(request, rows if start else rows.none(), "users", present)


@router.post("/users", **doc(UserAnswer, status=201, example=_EXAMPLE, faults=(403, 422)))
def create_user(request: HttpRequest, body: UserBody) -> HttpResponse:
    """Make a user

    Needs an address. Agents and administrators are made by administrators only.
    """
    person = _create(body.user, caller(request))
    return _answer(person, status=201)


@router.post(
    "/users/create_or_update",
    **doc(UserAnswer, status=201, also={200: UserAnswer}, example=_EXAMPLE, faults=(403, 422)),
)
def create_or_update_user(request: HttpRequest, body: UserBody) -> HttpResponse:
    """Make a user, or change the one who has the address already

    201 for a new one, else 200.
    """
    found = identities.find(body.user.email) if body.user.email else None
    if found is None:
        return _answer(_create(body.user, caller(request)), status=201)
    _change(found.person, body.user, caller(request))
    return _answer(found.person)


@router.get("/users/{int:user_id}", **doc(UserAnswer, faults=(404,)))
def show_user(request: HttpRequest, user_id: int) -> HttpResponse:
    """One user"""
    return _answer(Person.objects.get(pk=user_id))


@router.put("/users/{int:user_id}", **doc(UserAnswer, example={"user": {"phone": None}}, faults=(403, 404, 422)))
def update_user(request: HttpRequest, user_id: int, body: UserBody) -> HttpResponse:
    """Change a user

    A new `email` becomes a further address; identities say which one is primary. `"active": false` takes an agent's
    sign-in away.
    """
    person = Person.objects.get(pk=user_id)
    _change(person, body.user, caller(request))
    return _answer(person)


@router.delete("/users/{int:user_id}", **doc(UserAnswer, faults=(403, 404, 422)))
def delete_user(request: HttpRequest, user_id: int) -> HttpResponse:
    """Take a user away

    An agent can sign in no longer. A customer is deleted where no ticket names them, else 422.
    """
    person = Person.objects.get(pk=user_id)
    account = _account_of(person)
    if account:
        _change_account(account, admin(request), role=account.role, active=False)
        return _answer(person)
    shown = present([person])[0]
    try:
        profiles.remove(person)
    except profiles.InUseError:
        raise InvalidError(base="User: is on tickets, and stays with them") from None
    return JsonResponse({"user": shown | {"active": False}})


@router.put("/users/{int:user_id}/merge", **doc(UserAnswer, example={"user": {"id": 12}}, faults=(403, 404, 422)))
def merge_user(request: HttpRequest, user_id: int, body: SurvivorBody) -> HttpResponse:
    """Merge this user into another one

    Tickets and addresses go over to the user of the body, who stays.
    """
    by, survivor = caller(request), Person.objects.get(pk=body.user.id)
    for person in (Person.objects.get(pk=user_id), survivor):
        require_reach(by, person)
    try:
        merge_people.merge(user_id, survivor.pk, by)
    except merging.CannotMergeError as error:
        raise InvalidError(base=f"User: cannot be merged ({error.problem})") from None
    return _answer(survivor)


def present(people: list[Person]) -> list[dict[str, Any]]:
    """In a fixed number of queries."""
    rows = Person.objects.filter(pk__in=[person.pk for person in people]).select_related("account")
    found = {row.pk: row for row in rows.prefetch_related("identities", "account__groups")}
    return [_present(found[person.pk]) for person in people]


def require_reach(by: Account, person: Person) -> None:
    """Addresses of customers and one's own; those of colleagues only for administrators. ForbiddenError."""
    if not by.is_admin and person != by.person and _account_of(person):
        raise ForbiddenError("Only administrators change agents")


def time(moment: datetime | None) -> str | None:
    """`2026-11-23T10:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _answer(person: Person, status: int = 200) -> HttpResponse:
    answer = JsonResponse({"user": present([person])[0]}, status=status)
    if status == 201:
        answer.headers["Location"] = paging.url(f"users/{person.pk}.json")
    return answer


def _with_roles(roles: Iterable[str]) -> QuerySet[Person]:
    rows = Person.objects.all()
    wanted = set(roles) - {""}
    if not wanted:
        return rows
    if unknown := wanted - set(_ROLES):
        raise BadRequestError(f"{', '.join(sorted(unknown))}: a role is one of {', '.join(_ROLES)}")
    customers = Q(account__isnull=True) if END_USER in wanted else Q(pk__in=[])
    return rows.filter(customers | Q(account__role__in=wanted))


def _found(text: str) -> QuerySet[Person]:
    rows = Person.objects.all()
    for word in text.replace('"', " ").split():
        field, colon, value = word.partition(":")
        match field if colon else "":
            case "role":
                rows = rows.filter(pk__in=_with_roles([value]))
            case "email":
                rows = rows.filter(identities__normal__icontains=value)
            case "name":
                rows = rows.filter(name__icontains=value)
            case "phone":
                rows = rows.filter(phone__icontains=value)
            case "type":
                pass
            case _:
                rows = rows.filter(Q(name__icontains=word) | Q(identities__normal__icontains=word))
    return rows.distinct()


def _create(sent: UserIn, by: Account) -> Person:
    _may_give(sent, by, None)
    given = [sent.email, *(row.value for row in sent.identities or [] if row.type == "email")]
    addresses = list(dict.fromkeys(address.strip() for address in given if address))
    if not addresses:
        raise InvalidError(email="Email: cannot be blank")
    try:
        with transaction.atomic():
            person = profiles.create(
                addresses,
                name=sent.name or "",
                phone=sent.phone or "",
                notes=sent.notes or "",
                language=_language(sent.locale),
            )
            if sent.verified:
                identities.verify(identities.primary_of(person) or person.identities.get())
            _make_account(person, addresses[0], sent, by)
    except identities.BadAddressError as error:
        raise InvalidError(email=f"Email: {error.address} is not properly formatted") from None
    except identities.AddressTakenError as error:
        raise InvalidError(email=f"Email: {error.identity.address} is already being used by another user") from None
    return person


def _make_account(person: Person, address: str, sent: UserIn, by: Account) -> None:
    if sent.role and sent.role != END_USER:
        with admin_changes.recording(lambda: by, Via.API):
            account = accounts.create(address, person.name, None, sent.role, person.language)
            groups = _groups(sent, account)
            _change_account(account, by, role=sent.role, active=sent.active is not False, groups=groups)


def _change(person: Person, sent: UserIn, by: Account) -> None:
    account = _account_of(person)
    _may_give(sent, by, account)
    with transaction.atomic():
        profiles.edit(
            person,
            name=sent.name or person.name,
            phone=_kept(sent, "phone", person.phone),
            notes=_kept(sent, "notes", person.notes),
            language=_language(sent.locale) if "locale" in sent.model_fields_set else person.language,
        )
        if sent.email:
            _add_address(person, sent.email, by)
        if account:
            _change_agent(account, sent, by)
        elif sent.role and (identity := identities.primary_of(person)):
            _make_account(person, identity.address, sent, by)


def _change_agent(account: Account, sent: UserIn, by: Account) -> None:
    if sent.role == END_USER:
        raise InvalidError(role='Role: an agent stays one; send "active": false to take the sign-in away')
    if sent.model_fields_set & {"role", "active", "default_group_id"}:
        active = account.is_active if sent.active is None else sent.active
        _change_account(account, by, role=sent.role or account.role, active=active, groups=_groups(sent, account))
    if sent.signature is not None:
        team.edit_own(
            account,
            name=account.person.name,
            language=account.person.language,
            theme=account.theme,
            signature=sent.signature,
            undo_seconds=account.undo_seconds,
        )


def _change_account(
    account: Account, by: Account, *, role: str, active: bool, groups: list[Group] | None = None
) -> None:
    try:
        with admin_changes.recording(lambda: by, Via.API):
            team.change(
                account,
                role=role,
                supervisor=account.supervisor,
                active=active,
                groups=list(account.groups.all()) if groups is None else groups,
            )
    except team.LastAdminError:
        raise InvalidError(role="Role: the last administrator stays one") from None


def _may_give(sent: UserIn, by: Account, account: Account | None) -> None:
    """Agents change customers and what is their own; role, groups and colleagues are the administrators' matter."""
    if sent.role and sent.role not in _ROLES:
        raise InvalidError(role=f"Role: {sent.role} is not one of {', '.join(_ROLES)}")
    if by.is_admin:
        return
    of_a_colleague = account is not None and account != by
    role = account.role if account else END_USER
    if of_a_colleague or (sent.role or role) != role or sent.active is False or sent.default_group_id:
        raise ForbiddenError("Only administrators change agents")


def _add_address(person: Person, address: str, by: Account) -> None:
    try:
        identities.add(person, address.strip(), by)
    except identities.BadAddressError:
        raise InvalidError(email=f"Email: {address} is not properly formatted") from None
    except identities.AddressTakenError:
        raise InvalidError(email=f"Email: {address} is already being used by another user") from None


def _groups(sent: UserIn, account: Account) -> list[Group]:
    """Those the agent has, and the default one."""
    groups = list(account.groups.all())
    if sent.default_group_id:
        wanted = Group.objects.filter(pk=sent.default_group_id).first()
        if wanted is None:
            raise InvalidError(default_group_id=f"Default group: there is no group {sent.default_group_id}")
        groups += [wanted] if wanted not in groups else []
    return groups


def _kept(sent: UserIn, name: str, before: str) -> str:
    return getattr(sent, name) or "" if name in sent.model_fields_set else before


def _language(locale: str | None) -> str:
    """`de-DE` is German to us."""
    return (locale or "").partition("-")[0].lower()


def _account_of(person: Person) -> Account | None:
    return Account.objects.filter(person=person).select_related("person").first()


def _present(person: Person) -> dict[str, Any]:
    rows = sorted(person.identities.all(), key=_first_primary)
    account = getattr(person, "account", None)
    groups = list(account.groups.all()) if account else []
    return {
        "id": person.pk,
        "url": paging.url(f"users/{person.pk}.json"),
        "name": person.name,
        "email": rows[0].address if rows else None,
        "role": account.role if account else END_USER,
        "active": account.is_active if account else True,
        "suspended": False,
        "verified": bool(rows and rows[0].verified),
        "phone": person.phone or None,
        "notes": person.notes,
        "details": "",
        "locale": person.language or None,
        "signature": account.signature if account else None,
        "organization_id": person.organization_id,
        "default_group_id": groups[0].pk if groups else None,
        "external_id": None,
        "tags": [],
        "created_at": time(person.created_at),
        "updated_at": time(person.updated_at),
    }


def _first_primary(identity: Identity) -> tuple[bool, int]:
    return not identity.primary, identity.pk
