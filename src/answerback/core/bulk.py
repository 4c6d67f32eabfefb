"""Many rows of one table in one statement.

The ORM writes the SQL of each `save` and `update` anew, which costs far more than what the database then does. Here it
is written once for all rows of a call. New rows go in one INSERT; an UPDATE is executed for each row, for which SQLite
keeps the prepared statement, and psycopg sends all before it waits for an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import chain
from typing import Any, TypeAlias

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import DateTimeField, Field, JSONField, Model

AnyField: TypeAlias = "Field[Any, Any]"
Values = Sequence[Any]

_MAX_VALUES = 30_000  # in one statement: SQLite takes 32,766, PostgreSQL 65,535


def insert(rows: Sequence[Model]) -> None:
    """Write new rows of one model, and tell them their ids."""
    if not rows:
        return
    model = type(rows[0])
    fields = _columns(model)
    at_once = max(1, _MAX_VALUES // len(fields))
    for start in range(0, len(rows), at_once):
        _insert(model, fields, rows[start : start + at_once])


def update(model: type[Model], changed: Sequence[str], same: Sequence[str], rows: Sequence[Values]) -> int:
    """Set the columns `changed` where the columns `same` are as given; how many rows were found so.

    Each of `rows` gives the values of `changed`, then those of `same`. Columns go by attribute ("delivery_id").
    """
    if not rows:
        return 0
    fields = {field.attname: field for field in model._meta.concrete_fields}
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(fields[name].column)} = %s" for name in changed)
    conditions = " AND ".join(f"{quote(fields[name].column)} = %s" for name in same)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {conditions}",  # noqa: S608
            _adapted([fields[name] for name in (*changed, *same)], map(list, rows)),
        )
        return cursor.rowcount


def _insert(model: type[Model], fields: Sequence[AnyField], rows: Sequence[Model]) -> None:
    adapted = _adapted(fields, ([getattr(row, field.attname) for field in fields] for row in rows))
    with connection.cursor() as cursor:
        cursor.execute(_insertion(model, len(rows)), list(chain.from_iterable(adapted)))
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = pk
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def _columns(model: type[Model]) -> Sequence[AnyField]:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


@cache
def _insertion(model: type[Model], count: int) -> str:
    quote = connection.ops.quote_name
    columns = [quote(field.column) for field in _columns(model)]
    places = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * count)
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)})"  # noqa: S608 – names of the model's
        f" VALUES {places} RETURNING id"
    )


def _adapted(fields: Sequence[AnyField], rows: Iterable[list[Any]]) -> list[list[Any]]:
    """The values as the database takes them. Only times and JSON are not what they are to Python."""
    found, link = list(rows), connections[DEFAULT_DB_ALIAS]
    for place, field in enumerate(fields):
        if isinstance(field, DateTimeField):
            _replace(found, place, link.ops.adapt_datetimefield_value)
        elif isinstance(field, JSONField):
            _replace(found, place, partial(field.get_db_prep_save, connection=link))
    return found


def _replace(rows: Sequence[list[Any]], place: int, adapt: Callable[[Any], Any]) -> None:
    """Adapts a value that follows itself once: the rows of a group have the same time."""
    last = adapted = None
    for row in rows:
        if row[place] is not last:
            last = row[place]
            adapted = adapt(last)
        row[place] = adapted
