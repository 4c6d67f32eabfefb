"""Own rules for causes through the API: they come, change, move and go, and what is wrong with one is told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.outbound import cause_rules

RULE = {"words": "Blocked by the partner gateway", "cause": "reputation"}


def make(call: Call, **fields: object) -> Any:
    status, body = call("POST", "cause_rules", {"cause_rule": RULE | fields})
    assert status == 201, body
    return body["cause_rule"]


def words() -> list[str]:
    return [rule.words for rule in cause_rules.current()]


def test_a_rule_comes_changes_and_goes(call_as_admin: Call) -> None:
    made = make(call_as_admin)
    assert (made["words"], made["cause"], made["position"]) == ("blocked by the partner gateway", "reputation", 1)
    other = make(call_as_admin, words="another gateway")
    path = f"cause_rules/{other['id']}"
    assert call_as_admin("GET", path)[1]["cause_rule"] == other
    changed = call_as_admin("PUT", path, {"cause_rule": {"cause": "policy_refused", "position": 1}})[1]["cause_rule"]
    assert (changed["words"], changed["cause"], changed["position"]) == ("another gateway", "policy_refused", 1)
    assert words() == ["another gateway", "blocked by the partner gateway"]
    listed = call_as_admin("GET", "cause_rules")[1]
    assert {one["id"]: one["position"] for one in listed["cause_rules"]} == {made["id"]: 2, other["id"]: 1}
    assert call_as_admin("DELETE", path)[0] == 204
    assert call_as_admin("GET", path)[0] == 404
    assert words() == ["blocked by the partner gateway"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"words": "no"}, "words"),
        ({"words": "*gateway"}, "words"),
        ({"words": "a*b*c*d*e*f*g"}, "words"),
        ({"words": "x" * 301}, "words"),
        ({"cause": "bad_luck"}, "cause"),
        ({"cause": "delivered"}, "cause"),
        (RULE, "words"),  # there is one for these words
    ],
)
def test_what_is_wrong_is_told(call_as_admin: Call, fields: dict[str, str], field: str) -> None:
    make(call_as_admin)
    status, body = call_as_admin("POST", "cause_rules", {"cause_rule": RULE | {"words": "other words"} | fields})
    assert status == 422
    assert list(body["details"]) == [field]
    assert len(words()) == 1


def test_a_text_is_tried(call_as_admin: Call) -> None:
    make(call_as_admin)
    text = "550 5.7.1 Blocked by the partner gateway"
    status, body = call_as_admin("POST", "cause_rules/try", {"text": text})
    assert (status, body["results"]) == (
        200,
        [{"recipient": None, "cause": "reputation", "rule": "own:blocked by the partner gateway"}],
    )
    assert call_as_admin("POST", "cause_rules/try", {"text": ""})[1]["results"] == []


def test_they_are_the_administrators_matter(call: Call, world: World) -> None:
    assert call("GET", "cause_rules")[0] == 403
    assert call("POST", "cause_rules", {"cause_rule": RULE})[0] == 403
    assert call("POST", "cause_rules/try", {"text": "550 no"})[0] == 403
