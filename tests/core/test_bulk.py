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


def test_rows_are_read_as_the_orm_reads_them() -> None:
    keys = [SigningKey.objects.create(key_id=number, secret=b"s", created_at=NOON) for number in (7, 8, 9)]
    found = bulk.locked(SigningKey, [keys[2].pk, keys[0].pk])
    assert found == [keys[0], keys[2]]
    assert [(row.key_id, bytes(row.secret), row.created_at) for row in found] == [(7, b"s", NOON), (9, b"s", NOON)]
    found[0].key_id = 70
    found[0].save()
    assert SigningKey.objects.get(pk=keys[0].pk).key_id == 70, "a row like any other, not a new one"


def test_what_was_left_out_is_read_when_it_is_asked_for() -> None:
    key = SigningKey.objects.create(key_id=7, secret=b"s", created_at=NOON)
    [row] = bulk.locked(SigningKey, [key.pk], without=("secret",))
    assert row.get_deferred_fields() == {"secret"}
    assert bytes(row.secret) == b"s"


def test_a_new_row_has_what_it_was_not_given_as_the_orm_says() -> None:
    made, usual = bulk.new(IdempotentAnswer, caller="ada"), IdempotentAnswer(caller="ada")
    names = [field.attname for field in IdempotentAnswer._meta.concrete_fields]
    assert [getattr(made, name) for name in names] == [getattr(usual, name) for name in names]
    made.key, made.at, made.status = "k", NOON, 200
    made.save()
    assert IdempotentAnswer.objects.get().pk == made.pk
    with pytest.raises(TypeError, match="colour"):
        bulk.new(IdempotentAnswer, colour="red")


def test_nothing_to_write_is_nothing_done() -> None:
    bulk.insert([])
    assert bulk.update(Setting, ("value",), ("name",), []) == 0
