"""Rows written many at a time are the rows that the ORM would have written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from answerback.core import bulk
from answerback.core.models import IdempotentAnswer, Setting, SigningKey

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_new_rows_know_their_ids_and_hold_what_they_were_given() -> None:
    rows = [SigningKey(key_id=number, secret=bytes([number]) * 32, created_at=NOON) for number in (7, 8, 9)]
    bulk.insert(rows)
    found = {key.pk: (key.key_id, bytes(key.secret), key.created_at) for key in SigningKey.objects.all()}
    assert found == {row.pk: (row.key_id, row.secret, NOON) for row in rows}


def test_json_comes_back_as_it_went() -> None:
    bulk.insert([Setting(name="some", value={"a": [1, None]}), Setting(name="none", value={})])
    assert dict(Setting.objects.values_list("name", "value")) == {"some": {"a": [1, None]}, "none": {}}


def test_more_rows_than_fit_into_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_MAX_VALUES", 5)
    bulk.insert([Setting(name=f"name {number}", value=number) for number in range(5)])
    assert list(Setting.objects.order_by("id").values_list("value", flat=True)) == [0, 1, 2, 3, 4]


def test_only_rows_that_are_as_thought_are_changed_and_counted() -> None:
    for key in ("a", "b", "c"):
        IdempotentAnswer.objects.create(caller="ada", key=key, fingerprint="", status=0 if key == "a" else 500, at=NOON)
    later = NOON.replace(hour=13)
    rows = [(200, later, "ada", key, 0) for key in ("a", "b", "missing")]
    assert bulk.update(IdempotentAnswer, ("status", "at"), ("caller", "key", "status"), rows) == 1
    found = IdempotentAnswer.objects.order_by("key").values_list("key", "status", "at")
    assert list(found) == [("a", 200, later), ("b", 500, NOON), ("c", 500, NOON)]


def test_nothing_to_write_is_nothing_done() -> None:
    bulk.insert([])
    assert bulk.update(Setting, ("value",), ("name",), []) == 0
