"""Users: people with their primary address, agents among them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from answerback.api import paging
from answerback.api.auth import caller
from answerback.people.models import Person

router = Router(tags=["users"])


@router.get("/users/me")
def show_me(request: HttpRequest) -> HttpResponse:
    """The account whose token this is."""
    return JsonResponse({"user": present([caller(request).person])[0]})


@router.get("/users")
def list_users(request: HttpRequest) -> HttpResponse:
    return paging.answer(request, Person.objects.all(), "users", present)


@router.get("/users/{int:user_id}")
def show_user(request: HttpRequest, user_id: int) -> HttpResponse:
    return JsonResponse({"user": present([Person.objects.get(pk=user_id)])[0]})


def present(people: list[Person]) -> list[dict[str, Any]]:
    rows = Person.objects.filter(pk__in=[person.pk for person in people]).select_related("account")
    found = {row.pk: row for row in rows.prefetch_related("identities", "account__groups")}
    return [_present(found[person.pk]) for person in people]


def time(moment: datetime | None) -> str | None:
    """`2026-11-23T10:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _present(person: Person) -> dict[str, Any]:
    identities = sorted(person.identities.all(), key=lambda row: (not row.primary, row.pk))
    account = getattr(person, "account", None)
    groups = list(account.groups.all()) if account else []
    return {
        "id": person.pk,
        "url": paging.url(f"users/{person.pk}.json"),
        "name": person.name,
        "email": identities[0].address if identities else None,
        "role": account.role if account else "end-user",
        "active": account.is_active if account else True,
        "suspended": False,
        "verified": bool(identities and identities[0].verified),
        "phone": person.phone or None,
        "notes": person.notes,
        "locale": person.language or None,
        "signature": account.signature if account else None,
        "organization_id": person.organization_id,
        "default_group_id": groups[0].pk if groups else None,
        "tags": [],
        "created_at": time(person.created_at),
        "updated_at": time(person.updated_at),
    }
