"""Doors translate, the desk decides: workspace, api and inbound write nothing themselves, RawMail aside.

Imports cannot see writes, so this reads the syntax trees for calls of the ORM's writing methods.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerback.cli.checkout import ROOT

DOORS = ("workspace", "api", "inbound")
ALWAYS_A_WRITE = {"save", "asave", "get_or_create", "update_or_create", "aget_or_create", "aupdate_or_create"}
ON_QUERYSETS = {"create", "update", "delete", "acreate", "aupdate", "adelete"}
QUERYSETS = (".objects", ".all(", ".filter(", ".exclude(")


def writes(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every call that writes rows: `….objects….create()`, `row.save()`, `queryset.bulk_update()`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_write(node, node.func):
            yield node.lineno, ast.unparse(node.func)


def _is_write(call: ast.Call, function: ast.Attribute) -> bool:
    method, receiver = function.attr, ast.unparse(function.value)
    if method in ALWAYS_A_WRITE or method.startswith(("bulk_", "abulk_")):
        return True
    if method in ON_QUERYSETS and _is_queryset(receiver):
        return True
    return method in {"delete", "adelete"} and not call.args and not receiver.endswith("session")


def _is_queryset(receiver: str) -> bool:
    """`Model.objects`, or a chain of calls that began there, or a name that says so."""
    return any(part in receiver for part in QUERYSETS) or receiver.endswith(("queryset", "_set"))


def door_files() -> list[Path]:
    folders = [ROOT / "src" / "answerback" / door for door in DOORS]
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if "migrations" not in path.parts]


@pytest.mark.parametrize("path", door_files(), ids=lambda path: str(path.relative_to(ROOT / "src" / "answerback")))
def test_doors_write_no_rows(path: Path) -> None:
    found = list(writes(path.read_text("utf-8")))
    if "inbound" in path.parts:
        found = [(line, text) for line, text in found if not text.startswith("RawMail.")]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "ticket.save()",
        "await ticket.asave()",
        "Ticket.objects.create(subject='x')",
        "Ticket.objects.filter(id=1).update(status='open')",
        "ticket.comments.all().delete()",
        "ticket.delete()",
        "Delivery.objects.bulk_create(rows)",
        "Tag.objects.get_or_create(name='x')",
    ],
)
def test_a_write_would_be_found(source: str) -> None:
    module = f"async def view():\n    {source}\n"
    assert [line for line, _text in writes(module)] == [2]


@pytest.mark.parametrize(
    "source",
    [
        "context.update(title='x')",
        "desk_reply.update(ticket)",
        "request.session.delete()",
        "tickets.update.update_ticket(ticket, changes)",
        "hasher.update(data)",
        "router.delete('/tickets/{id}')",
    ],
)
def test_what_is_no_write(source: str) -> None:
    assert list(writes(source)) == []
