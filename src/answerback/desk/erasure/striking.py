"""Rows lose a person, where they stand in one of these fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model, QuerySet

from answerback.people.traces import Traces


def strike(rows: QuerySet[Any], fields: Sequence[str], traces: Traces) -> None:
    """Whatever of the person stands there."""
    for row in rows.only("pk", *fields):
        _write(row, fields, traces)


def strike_where_addressed(rows: QuerySet[Any], fields: Sequence[str], traces: Traces) -> None:
    """Only in rows that hold an address: a name alone may be a namesake's."""
    for row in rows.only("pk", *fields):
        if addressed(row, fields, traces):
            _write(row, fields, traces)


def addressed(row: Model, fields: Sequence[str], traces: Traces) -> bool:
    return any(traces.address_stands_in(str(getattr(row, field))) for field in fields)


def _write(row: Model, fields: Sequence[str], traces: Traces) -> None:
    values = {field: getattr(row, field) for field in fields}
    changed = {field: struck for field, value in values.items() if (struck := traces.strike(value)) != value}
    if changed:
        type(row)._default_manager.filter(pk=row.pk).update(**changed)
