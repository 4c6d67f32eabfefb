"""Conditions of triggers, one table: field, operator, value, and whether it holds for the update."""

from __future__ import annotations

import pytest
from tests.world import World

from answerback.rules import update_seen
from answerback.rules.decide import matches
from answerback.rules.update_seen import Update
from answerback.tickets import update
from answerback.tickets.changes import Changes, NewComment


@pytest.fixture
def seen(world: World) -> Update:
    """Ada assigns Clara's ticket to herself, makes it urgent, tags it and answers."""
    ticket = world.ticket("Printer on fire")
    comment = NewComment(author=world.ada.person, public=True, text="Use the blue bucket")
    changes = Changes(assignee=world.ada, priority="high", add_tags=["fire", "safety"], comment=comment)
    audit = update.apply(ticket.pk, changes, world.ada.person, "web")
    assert audit
    return update_seen.see(audit, audit.author)


HOLDS = [
    ("update_type", "is", "Change"), ("role", "is", "agent"), ("role", "is_not", "end_user"), ("via_id", "is", "4"),
    ("via_id", "is", "email"), ("status", "is", "open"), ("status", "less_than", "solved"),
    ("status", "greater_than", "new"), ("status", "changed", ""), ("status", "value", "open"),
    ("status", "value_previous", "new"), ("priority", "is_not", "low"), ("priority", "greater_than", "normal"),
    ("type", "is", ""), ("type", "not_changed", ""), ("assignee_id", "is", "current_user"),
    ("assignee_id", "is_not", ""), ("assignee_id", "changed", ""), ("requester_id", "is_not", "current_user"),
    ("group_id", "is_not", ""), ("group_id", "not_changed", ""), ("recipient", "", "Support@ACME.test"),
    ("current_tags", "includes", "water fire"), ("current_tags", "not_includes", "water"),
    ("comment_is_public", "is", "true"), ("comment_is_public", "is", "not_relevant"),
    ("comment_is_public", "is", "requester_can_see_comment"), ("subject_includes_word", "includes", "PRINTER scanner"),
    ("subject_includes_word", "is_not", "scanner"), ("comment_includes_word", "is", "blue bucket"),
    ("comment_includes_word", "not_includes", "red green"), ("delivery", "is_not", "failed"),
]  # fmt: skip
FAILS = [
    ("update_type", "is", "Create"), ("role", "is", "end_user"), ("status", "is", "solved"),
    ("status", "greater_than", "solved"), ("status", "less_than", "asleep"), ("status", "not_changed", ""),
    ("priority", "not_value", "high"), ("assignee_id", "is", ""), ("assignee_id", "not_value_previous", ""),
    ("current_tags", "includes", "water"), ("comment_is_public", "is", "false"), ("delivery", "is", "failed"),
    ("status", "resembles", "open"), ("shoe_size", "is", "43"), ("", "is", ""),
]  # fmt: skip


@pytest.mark.parametrize("row, expected", [(row, True) for row in HOLDS] + [(row, False) for row in FAILS])
def test_condition(seen: Update, row: tuple[str, str, str], expected: bool) -> None:
    condition = dict(zip(("field", "operator", "value"), row, strict=True))
    assert matches({"all": [condition]}, seen) is expected


def test_all_and_any(seen: Update) -> None:
    true, false = ({"field": "role", "operator": "is", "value": role} for role in ("agent", "end_user"))
    assert matches({"all": [true], "any": [false, true]}, seen)
    assert not matches({"all": [true], "any": [false]}, seen)
    assert not matches({"all": [true, false], "any": []}, seen)
