"""Groups, and the words that tickets carry."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import PAGED, doc, listed, one
from answerback.desk import change
from answerback.people.models import Group
from answerback.tickets.changes import Changes
from answerback.tickets.models import Tag, Ticket

router = Router(tags=["groups and tags"])


class GroupOut(Schema):
    id: int
    url: str
    name: str
    deleted: bool


class TagOut(Schema):
    name: str
    count: int


class TagsIn(Schema):
    tags: list[str]


class TagsAnswer(Schema):
    tags: list[str]


GroupAnswer = one("group", GroupOut)
GroupList = listed("groups", GroupOut)
TagList = listed("tags", TagOut)
_TAGS = {"tags": ["order", "urgent"]}


@router.get("/groups", **doc(GroupList, takes=PAGED))
def list_groups(request: HttpRequest) -> HttpResponse:
    """Groups of agents"""
    return paging.answer(request, Group.objects.all(), "groups", present)


@router.get("/groups/{int:group_id}", **doc(GroupAnswer, faults=(404,)))
def show_group(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group"""
    return JsonResponse({"group": present([Group.objects.get(pk=group_id)])[0]})


@router.get("/tags", **doc(TagList))
def list_tags(request: HttpRequest) -> HttpResponse:
    """The tags most used, with the number of their tickets"""
    rows = Tag.objects.values("name").annotate(count=Count("pk")).order_by("-count", "name")[: paging.MOST]
    found = [{"name": row["name"], "count": row["count"]} for row in rows]
    return JsonResponse({"tags": found, "count": len(found), "next_page": None, "previous_page": None})


@router.get("/tickets/{int:ticket_id}/tags", **doc(TagsAnswer, faults=(404,)))
def list_ticket_tags(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The tags of a ticket"""
    return _tags(ticket_id)


@router.post("/tickets/{int:ticket_id}/tags", **doc(TagsAnswer, status=201, example=_TAGS, faults=(404, 422)))
def set_ticket_tags(request: HttpRequest, ticket_id: int, body: TagsIn) -> HttpResponse:
    """These tags and no others"""
    return _change(request, ticket_id, Changes(set_tags=body.tags), status=201)


@router.put("/tickets/{int:ticket_id}/tags", **doc(TagsAnswer, example=_TAGS, faults=(404, 422)))
def add_ticket_tags(request: HttpRequest, ticket_id: int, body: TagsIn) -> HttpResponse:
    """These tags as well"""
    return _change(request, ticket_id, Changes(add_tags=body.tags))


@router.delete("/tickets/{int:ticket_id}/tags", **doc(TagsAnswer, example=_TAGS, faults=(404, 422)))
def remove_ticket_tags(request: HttpRequest, ticket_id: int, body: TagsIn) -> HttpResponse:
    """These tags no longer"""
    return _change(request, ticket_id, Changes(remove_tags=body.tags))


def present(rows: list[Group]) -> list[dict[str, Any]]:
    return [
        {"id": row.pk, "url": paging.url(f"groups/{row.pk}.json"), "name": row.name, "deleted": False} for row in rows
    ]


def _change(request: HttpRequest, ticket_id: int, changes: Changes, status: int = 200) -> HttpResponse:
    change.change(ticket_id, changes, caller(request), "api")
    return _tags(ticket_id, status)


def _tags(ticket_id: int, status: int = 200) -> HttpResponse:
    names = sorted(Ticket.objects.get(pk=ticket_id).tags.values_list("name", flat=True))
    return JsonResponse({"tags": names}, status=status)
