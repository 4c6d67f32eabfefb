"""Who may use a macro or a view: null everybody, `{"type": "User"}` oneself, `{"type": "Group", "id": 3}` a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from answerback.api.errors import ForbiddenError, InvalidError
from answerback.people.models import Account, Group


class Restricted(Protocol):
    owner_id: Any
    group_id: Any
    owner: Any
    group: Any


Audience = tuple[Account | None, Group | None]


def users(rows: Sequence[Restricted]) -> Mapping[int, int]:
    """Account -> user id, of all owners at once."""
    return dict(Account.objects.filter(pk__in=[row.owner_id for row in rows]).values_list("pk", "person_id"))


def present(row: Restricted, users: Mapping[int, int]) -> dict[str, Any] | None:
    if row.owner_id:
        return {"type": "User", "id": users.get(row.owner_id)}
    return {"type": "Group", "id": row.group_id} if row.group_id else None


def wanted(old: Restricted | None, sent: Mapping[str, Any] | None, given: bool, by: Account) -> Audience:
    """Owner and group, None for everybody; as it was where none was `given`. ForbiddenError, InvalidError."""
    if old and not given:
        return old.owner, old.group
    kind = (sent or {}).get("type")
    if kind == "User":
        return by, None
    if not by.is_admin:
        raise ForbiddenError("Only administrators decide about what is not one's own")
    if kind != "Group":
        return None, None
    number = str((sent or {}).get("id") or "0")
    group = Group.objects.filter(pk=int(number) if number.isdecimal() and len(number) < 18 else 0).first()
    if group is None:
        raise InvalidError(restriction="Restriction: there is no such group")
    return None, group
