"""The index in PostgreSQL: one tsvector for each document, made of our own tokens, and one GIN index.

No text configuration and no extension is needed. A column is the first letter of a lexeme. GIN knows no order: of a
common word it would first collect all there is. So each document also carries the number of its bucket (owners in
fours of thousands), and the newest buckets are asked first; what is not found there is rare enough to be sorted whole.
The inner queries are MATERIALIZED, because the planner would otherwise walk all documents in order for a rare word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection

from answerback.search.matching import Column, Leaf, Match, Term

_BUCKET = "h"
_BUCKET_BITS = 12
_STEPS = (2, 16)  # buckets that are asked before all
_LAST_POSITION = 16_383  # of a tsvector


def create_statements(table: str) -> list[str]:
    return [
        f"ALTER TABLE {table} ADD COLUMN words tsvector",
        f"CREATE INDEX {table}_words ON {table} USING gin (words)",
    ]


class PostgresqlIndex:
    def __init__(self, table: str, owner: str) -> None:
        self._table, self._owner = table, owner

    def write(self, owner_id: int, number: int, contents: Mapping[Column, Sequence[str]]) -> None:
        words = _vector(contents) + f" '{_BUCKET}{owner_id >> _BUCKET_BITS}'"
        update = f"UPDATE {self._table} SET words = %s::tsvector WHERE {self._owner} = %s AND number = %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(update, [words, owner_id, number])

    def hits(self, match: Match, limit: int, beyond: int | None = None, newest_first: bool = True) -> list[int]:
        said = _said(match)
        start = self._edge(newest_first) if beyond is None else beyond
        for buckets in _STEPS:
            found = self._select(f"({said}) & ({_buckets(start, buckets, newest_first)})", limit, beyond, newest_first)
            if len(found) == limit:
                return found
        return self._select(said, limit, beyond, newest_first)

    def among(self, match: Match, owner_ids: Iterable[int]) -> set[int]:
        select = (
            f"WITH asked AS MATERIALIZED (SELECT {self._owner} AS owner, words FROM {self._table} "  # noqa: S608
            f"WHERE {self._owner} = ANY(%s)) SELECT DISTINCT owner FROM asked WHERE words @@ %s::tsquery"
        )
        with connection.cursor() as cursor:
            cursor.execute(select, [list(owner_ids), _said(match)])
            return {row[0] for row in cursor.fetchall()}

    def _select(self, said: str, limit: int, beyond: int | None, newest_first: bool) -> list[int]:
        way, order = ("<", "DESC") if newest_first else (">", "ASC")
        inner = f"SELECT {self._owner} AS owner FROM {self._table} WHERE words @@ %s::tsquery"  # noqa: S608
        outer = f" WHERE owner {way} %s" if beyond is not None else ""
        select = (
            f"WITH found AS MATERIALIZED ({inner}) "  # noqa: S608
            f"SELECT DISTINCT owner FROM found{outer} ORDER BY owner {order} LIMIT %s"
        )
        parameters: list[str | int] = [said, *([beyond] if beyond is not None else []), limit]
        with connection.cursor() as cursor:
            cursor.execute(select, parameters)
            return [row[0] for row in cursor.fetchall()]

    def _edge(self, newest_first: bool) -> int:
        """The owner to begin with."""
        if not newest_first:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT max({self._owner}) FROM {self._table}")  # noqa: S608
            return cursor.fetchone()[0] or 0


def _buckets(start: int, count: int, newest_first: bool) -> str:
    first = start >> _BUCKET_BITS
    numbers = range(first, first - count, -1) if newest_first else range(first, first + count)
    return " | ".join(f"'{_BUCKET}{number}'" for number in numbers if number >= 0)


def _vector(contents: Mapping[Column, Sequence[str]]) -> str:
    """The literal of a tsvector: each token with its places, "'chaus':1,7"."""
    places: dict[str, list[int]] = {}
    for column, tokens in contents.items():
        for place, token in enumerate(tokens, start=1):
            places.setdefault(column.value + token, []).append(min(place, _LAST_POSITION))
    return " ".join(f"{_quoted(lexeme)}:{','.join(map(str, at[:255]))}" for lexeme, at in places.items())


def _said(match: Match) -> str:
    return " & ".join(f"({_term(term)})" for term in match)


def _term(term: Term) -> str:
    return " | ".join(_leaf(leaf, column) for leaf in term.leaves for column in leaf.columns)


def _leaf(leaf: Leaf, column: Column) -> str:
    lexemes = [_quoted(column.value + token) for token in leaf.tokens]
    return f"({' <-> '.join(lexemes)}{':*' if leaf.prefix else ''})"


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
