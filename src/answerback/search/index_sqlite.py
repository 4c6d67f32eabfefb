"""The index in SQLite: a table of FTS5 without content, so that nothing is stored twice.

The row's number is the owner's id and the document's number in one: what is newest stands last, documents of one owner
stand side by side, and FTS5 reads both ways from any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import connection

from answerback.search.matching import Column, Leaf, Match, Term

MOST_DOCUMENTS = 256  # of one owner
_NAMES = {column: column.name.lower() for column in Column}
_TOKENIZER = "unicode61 remove_diacritics 0 categories ''L* N* Co Mn Mc Me P* S*''"


def create_statements(table: str, documents: str, owner: str) -> list[str]:
    """The table, and a trigger that forgets the words of a document that is deleted, by whatever means."""
    forget = f"DELETE FROM {table} WHERE rowid = OLD.{owner} * {MOST_DOCUMENTS} + OLD.number"  # noqa: S608
    return [
        f"CREATE VIRTUAL TABLE {table} USING fts5({', '.join(_NAMES.values())}, content='', contentless_delete=1, "
        f"prefix='3', tokenize='{_TOKENIZER}')",
        f"CREATE TRIGGER {table}_forget AFTER DELETE ON {documents} BEGIN {forget}; END",
    ]


class SqliteIndex:
    def __init__(self, table: str) -> None:
        self._table = table

    def write(self, owner_id: int, number: int, contents: Mapping[Column, Sequence[str]]) -> None:
        rowid = owner_id * MOST_DOCUMENTS + number
        values = [" ".join(contents.get(column, ())) for column in Column]
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {self._table} WHERE rowid = %s", [rowid])  # noqa: S608  # our own name
            names, places = ", ".join(_NAMES.values()), ", ".join(["%s"] * (len(values) + 1))
            insert = f"INSERT INTO {self._table} (rowid, {names}) VALUES ({places})"  # noqa: S608
            cursor.execute(insert, [rowid, *values])

    def hits(self, match: Match, limit: int, beyond: int | None = None, newest_first: bool = True) -> list[int]:
        where, parameters = f"{self._table} MATCH %s", [_said(match)]
        if beyond is not None:
            where += " AND rowid < %s" if newest_first else " AND rowid >= %s"
            parameters.append(str((beyond if newest_first else beyond + 1) * MOST_DOCUMENTS))
        order = "DESC" if newest_first else "ASC"
        select = f"SELECT rowid FROM {self._table} WHERE {where} ORDER BY rowid {order}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(select, parameters)
            return _first(limit, (row[0] // MOST_DOCUMENTS for row in cursor))

    def among(self, match: Match, owner_ids: Iterable[int]) -> set[int]:
        first = f"value * {MOST_DOCUMENTS}"
        select = (
            f"SELECT value FROM json_each(%s) WHERE EXISTS (SELECT 1 FROM {self._table} "  # noqa: S608
            f"WHERE {self._table} MATCH %s AND rowid BETWEEN {first} AND {first} + {MOST_DOCUMENTS - 1})"
        )
        with connection.cursor() as cursor:
            cursor.execute(select, [json.dumps(list(owner_ids)), _said(match)])
            return {row[0] for row in cursor}


def _first(limit: int, owners: Iterator[int]) -> list[int]:
    """Each owner once; stops reading as soon as there are enough."""
    found: dict[int, None] = {}
    for owner in owners:
        if owner not in found and len(found) == limit:
            break
        found[owner] = None
    return list(found)


def _said(match: Match) -> str:
    return " AND ".join(f"({_term(term)})" for term in match)


def _term(term: Term) -> str:
    return " OR ".join(_leaf(leaf) for leaf in term.leaves)


def _leaf(leaf: Leaf) -> str:
    columns = " ".join(_NAMES[column] for column in leaf.columns)
    words = " ".join(leaf.tokens).replace('"', '""')
    return f'{{{columns}}} : "{words}"{" *" if leaf.prefix else ""}'
