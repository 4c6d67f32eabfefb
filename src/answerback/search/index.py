"""The full text, behind one interface: which tickets, or people, have these words.

An owner (a ticket, a person) has one document or several, numbered from 0; each holds tokens by column. Answers are
owners' ids, by their number: newest first, or oldest first. That order is the index's own, so that the first fifty of
half a million cost no more than fifty of fifty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from answerback.core import db
from answerback.search import index_postgresql, index_sqlite
from answerback.search.matching import Column, Match

Contents = Mapping[Column, Sequence[str]]


class Index(Protocol):
    def write(self, owner_id: int, number: int, contents: Contents) -> None:
        """Put a document into the index, instead of the one that had that number."""

    def hits(self, match: Match, limit: int, beyond: int | None = None, newest_first: bool = True) -> list[int]:
        """The first `limit` owners that have all terms in one document; only those older (or newer) than `beyond`."""

    def among(self, match: Match, owner_ids: Iterable[int]) -> set[int]:
        """Those of `owner_ids` that have all terms in one document."""


def tickets() -> Index:
    return _of("search_words", "search_document", "ticket_id")


def people() -> Index:
    return _of("search_people", "search_persondocument", "person_id")


def _of(words_table: str, table: str, owner: str) -> Index:
    """SQLite keeps the words in a table of FTS5, PostgreSQL beside the documents."""
    if db.is_postgresql():
        return index_postgresql.PostgresqlIndex(table, owner)
    return index_sqlite.SqliteIndex(words_table)
