"""The list of customers: all of them, or those whose names and addresses have the words. Paged by keyset."""

from __future__ import annotations

from django.db.models import QuerySet
from django.db.models.functions import Lower

from answerback.people.models import Person
from answerback.search import keyset
from answerback.search.keys import FEW, find_people
from answerback.search.keyset import Key, Page

NEWEST, NAME = "newest", "name"
_KEYS = {NEWEST: [Key("id")], NAME: [Key("sort_key", descending=False), Key("id", descending=False)]}


def page(text: str, order: str, after: str = "", before: str = "", size: int = keyset.PAGE_SIZE) -> Page:
    """One page; of a search that finds very many, the newest few thousand."""
    rows = _customers()
    if text.strip():
        rows = rows.filter(pk__in=find_people(text, FEW))
    if order == NAME:
        rows = rows.annotate(sort_key=Lower("name"))
    rows = rows.select_related("organization").prefetch_related("identities")
    return keyset.page(rows, _KEYS.get(order, _KEYS[NEWEST]), after, before, size)


def _customers() -> QuerySet[Person]:
    """Who does not work here, and was not merged into somebody else."""
    return Person.objects.filter(account__isnull=True, merge__isnull=True)
