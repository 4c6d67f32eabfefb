"""Many rows of one table in one statement.

The ORM writes the SQL of each question, `save` and `update` anew, which costs far more than what the database then
does. Here it is written once for all rows of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from functools import cache, partial
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import CharField, DateTimeField, Field, JSONField, Model, QuerySet
from django.db.models.base import ModelState

from answerback.core import db

T = TypeVar("T")
Row = TypeVar("Row", bound=Model)
AnyField: TypeAlias = "Field[Any, Any]"
Values = Sequence[Any]

_MAX_VALUES = 30_000  # in one statement: SQLite takes 32,766, PostgreSQL 65,535


def new(model: type[Row], **given: Any) -> Row:
    """What `model(**given)` makes, columns by attribute ("delivery_id"), at a tenth of the time."""
    values = _defaults(model) | {name: make() for name, make in _makers(model).items()} | given
    if len(values) != len(_defaults(model)):
        raise TypeError(f"{model.__name__} has no {', '.join(given.keys() - _defaults(model).keys())}")
    return _row(model, values)


def locked(model: type[Row], ids: Collection[int], without: Sequence[str] = ()) -> list[Row]:
    """The rows with these ids, in their order and locked until the transaction ends; `without` are not read now.

    Not for models with JSON, which is not read as such.
    """
    question, names, times = _question(model, tuple(without))
    found = [
        _row(model, dict(zip(names, _in_utc(row, times), strict=True)))
        for row in db.rows_of(question + db.row_lock(), ids)
    ]
    for row in found:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return found


def in_order(rows: QuerySet[Row]) -> QuerySet[Row]:
    """The same rows for an UPDATE that locks them in the order of their ids, as everybody does who locks several.

    Without it the database takes them as it finds them, and two wait for each other. Belongs into a transaction.
    """
    ids = rows.select_for_update(no_key=True).order_by("pk").values("pk")
    return rows.model._default_manager.filter(pk__in=ids)


def insert(rows: Sequence[Model]) -> None:
    """Write new rows of one model, and tell them their ids."""
    if not rows:
        return
    model = type(rows[0])
    fields = _columns(model)
    for part in _parts(fields, rows):
        _insert(model, fields, part)


def update(model: type[Model], changed: Sequence[str], same: Sequence[str], rows: Sequence[Values]) -> int:
    """Set the columns `changed` where the columns `same` are as given; how many rows were found so.

    Each of `rows` gives the values of `changed`, then those of `same`; no two of them are of one row. Columns go by
    attribute ("delivery_id").
    """
    statement, fields = _change(model, tuple(changed), tuple(same))
    return sum(_update(statement, fields, part) for part in _parts(fields, rows))


def _update(statement: str, fields: Sequence[AnyField], rows: Sequence[Values]) -> int:
    written, _ = db.write(statement, _types(fields), _adapted(fields, map(list, rows)))
    return written


def _insert(model: type[Model], fields: Sequence[AnyField], rows: Sequence[Model]) -> None:
    values = _adapted(fields, map(list, map(_values_of(model), map(vars, rows))))
    _, ids = db.write(_insertion(model), _types(fields), values)
    for row, (pk,) in zip(rows, ids, strict=True):
        row.pk = pk
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def _row(model: type[Row], values: dict[str, Any]) -> Row:
    """Beside the constructor, which for each column does what a row that is made for every mail has no use for."""
    row = model.__new__(model)
    row._state = ModelState()
    vars(row).update(values)
    return row


def _in_utc(values: Values, times: Sequence[int]) -> Values:
    """SQLite gives times without saying where they hold."""
    said = list(values)
    for place in times:
        if said[place] is not None and said[place].tzinfo is None:
            said[place] = said[place].replace(tzinfo=UTC)
    return said


@cache
def _defaults(model: type[Model]) -> dict[str, Any]:
    return {field.attname: field.get_default() for field in model._meta.concrete_fields}


@cache
def _makers(model: type[Model]) -> dict[str, Callable[[], Any]]:
    """Of defaults that no two rows may share."""
    fields = [field for field in model._meta.concrete_fields if field.has_default()]
    return {field.attname: field.default for field in fields if callable(field.default)}


@cache
def _question(model: type[Model], without: tuple[str, ...]) -> tuple[str, Sequence[str], Sequence[int]]:
    """What asks for rows with `{ids}`; the attributes that come, and which of them are times."""
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.concrete_fields if field.attname not in without]
    columns = ", ".join(quote(field.column) for field in fields)
    question = f"SELECT {columns} FROM {quote(model._meta.db_table)} WHERE id IN ({{ids}}) ORDER BY id "  # noqa: S608
    times = [place for place, field in enumerate(fields) if isinstance(field, DateTimeField)]
    return question, [field.attname for field in fields], times


@cache
def _change(model: type[Model], changed: tuple[str, ...], same: tuple[str, ...]) -> tuple[str, Sequence[AnyField]]:
    """The statement with `{table}`, and what the columns of that are."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    given = [fields[name] for name in (*changed, *same)]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    named = [(quote(field.column), f"given.column{number}") for number, field in enumerate(given, 1)]
    assignments = ", ".join(f"{column} = {value}" for column, value in named[: len(changed)])
    conditions = " AND ".join(f"{table}.{column} = {value}" for column, value in named[len(changed) :])
    return f"UPDATE {table} SET {assignments} FROM {{table}} AS given WHERE {conditions}", given  # noqa: S608


@cache
def _columns(model: type[Model]) -> Sequence[AnyField]:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


@cache
def _values_of(model: type[Model]) -> Callable[[Mapping[str, Any]], Values]:
    """Of the attributes of a row, beside the descriptors of the model, which look each of them up."""
    return itemgetter(*(field.attname for field in _columns(model)))


def _types(fields: Sequence[AnyField]) -> Sequence[str]:
    """As PostgreSQL calls them."""
    return list(map(_type, fields))


@cache
def _type(field: AnyField) -> str:
    """A text that is too long for its column is to be refused, not cut."""
    return "text" if isinstance(field, CharField) else field.cast_db_type(connection)  # type: ignore[attr-defined]


def _parts(fields: Sequence[AnyField], rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many rows as go into a statement."""
    most = max(1, _MAX_VALUES // len(fields))
    return (rows[start : start + most] for start in range(0, len(rows), most))


@cache
def _insertion(model: type[Model]) -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in _columns(model))
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) SELECT * FROM {{table}} AS given RETURNING id"  # noqa: S608


def _adapted(fields: Sequence[AnyField], rows: Iterable[list[Any]]) -> list[list[Any]]:
    """The values as the database takes them. Only times and JSON are not what they are to Python.

    A word of an enumeration is made a plain one: SQLite's driver looks long for somebody who knows what else it may be.
    """
    found, link = list(rows), connections[DEFAULT_DB_ALIAS]
    for place, field in enumerate(fields):
        if isinstance(field, DateTimeField):
            _replace(found, place, link.ops.adapt_datetimefield_value)
        elif isinstance(field, JSONField):
            _replace(found, place, partial(field.get_db_prep_save, connection=link))
        elif isinstance(field, CharField) and any(type(row[place]) is not str for row in found):
            _replace(found, place, _plain)
    return found


def _plain(word: str | None) -> str | None:
    return word if word is None else str(word)


def _replace(rows: Sequence[list[Any]], place: int, adapt: Callable[[Any], Any]) -> None:
    """Adapts a value that follows itself once: the rows of a group have the same time."""
    last = adapted = None
    for row in rows:
        if row[place] is not last:
            last = row[place]
            adapted = adapt(last)
        row[place] = adapted
