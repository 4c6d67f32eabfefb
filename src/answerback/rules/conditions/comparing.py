"""The operators that plain fields share (Zendesk's conditions reference)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from answerback.rules.update_seen import Update


def compare(
    update: Update, field: str, now: str, operator: str, value: str, rank: Mapping[str, int] | None = None
) -> bool:
    """`now` against `value`; the change operators look at what the audit changed. An unknown operator never holds."""
    changed = field in update.changed
    before = str(update.changed[field][0] or "") if changed else now
    match operator:
        case "is":
            return now == value
        case "is_not":
            return now != value
        case "less_than" | "greater_than":
            return rank is not None and value in rank and _ranked(rank[now], operator, rank[value])
        case "changed":
            return changed
        case "not_changed":
            return not changed
        case "value":
            return changed and now == value
        case "not_value":
            return not (changed and now == value)
        case "value_previous":
            return changed and before == value
        case "not_value_previous":
            return not (changed and before == value)
    return False


def includes_word(text: str, operator: str, value: str) -> bool:
    """Zendesk's word operators: any of the words, none of them, or the whole phrase."""
    folded = text.casefold()
    match operator:
        case "includes":
            return any(word in folded for word in value.casefold().split())
        case "not_includes":
            return not any(word in folded for word in value.casefold().split())
        case "is":
            return value.casefold() in folded
        case "is_not":
            return value.casefold() not in folded
    return False


def payload_says(update: Update, says: Callable[[dict[str, Any]], bool], operator: str) -> bool:
    """Is it so, or not so, for a delivery event of the update? Without one that tells its cause, neither holds."""
    if operator not in ("is", "is_not"):
        return False
    told = [payload for payload in update.deliveries if "cause" in payload]
    return any(says(payload) == (operator == "is") for payload in told)


def _ranked(now: int, operator: str, value: int) -> bool:
    return now < value if operator == "less_than" else now > value
