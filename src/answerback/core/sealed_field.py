"""A column whose text lies sealed in the database (core.sealing), and is plain for whoever reads the row."""

from __future__ import annotations

from typing import Any

from django.db import models

from answerback.core import sealing

MARK = "sealed:"


class SealedTextField(models.TextField):
    """What was stored plain before reads as it is, and is sealed when it is written next.

    What no key opens reads as it lies there, mark and all (`is_unreadable`): it is of no use, but whoever writes the
    row keeps it, and with the right key it is there again.
    """

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value or not value.startswith(MARK):
            return value
        try:
            return sealing.unseal(value.removeprefix(MARK))
        except sealing.SealedByAnotherKeyError:
            return value

    def get_prep_value(self, value: Any) -> Any:
        if not value or str(value).startswith(MARK):
            return value
        return MARK + sealing.seal(str(value))


def is_unreadable(value: str) -> bool:
    return value.startswith(MARK)
