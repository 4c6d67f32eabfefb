"""What a condition or an action is, apart from what it does: one table for the editor, the API and the validation.

Titles are msgids. Names of fields, operators and actions are those of Zendesk, where Zendesk has them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_noop

from answerback.rules.effects import Effect, Rule
from answerback.rules.update_seen import Update


class Use(StrEnum):
    """Where a condition or an action makes sense."""

    TRIGGER = "trigger"
    AUTOMATION = "automation"
    VIEW = "view"


class Kind(StrEnum):
    """What its value is, and so how it is asked for."""

    NONE = "none"
    CHOICE = "choice"  # one of `choices`
    WORDS = "words"
    TAGS = "tags"  # words with spaces between
    NUMBER = "number"
    HOURS = "hours"
    CODE = "code"  # 550 or 5.1.1
    AGENT = "agent"  # an account's id
    GROUP = "group"
    PERSON = "person"  # a person's id, typed as an address
    ORGANIZATION = "organization"
    SUPPORT_ADDRESS = "support_address"
    CAUSE = "cause"  # a key of mailroom's catalogue
    # of actions only
    MAIL = "mail"  # [to, subject, body]; texts are {language: text} or text
    GROUP_MAIL = "group_mail"
    TEXT = "text"  # {language: text}
    NOTICE = "notice"  # [to, text]
    WEBHOOK = "webhook"  # [id, JSON with placeholders]


TRIGGERS = (Use.TRIGGER,)
RULES = (Use.TRIGGER, Use.AUTOMATION)
EVERYWHERE = (Use.TRIGGER, Use.AUTOMATION, Use.VIEW)

EQUAL = ("is", "is_not")
RANKED = (*EQUAL, "less_than", "greater_than")
CHANGING = ("changed", "not_changed", "value", "not_value", "value_previous", "not_value_previous")
INCLUDING = ("includes", "not_includes")
WITHOUT_VALUE = frozenset({"changed", "not_changed"})
OPERATORS = {
    "is": gettext_noop("is"),
    "is_not": gettext_noop("is not"),
    "less_than": gettext_noop("is below"),
    "greater_than": gettext_noop("is above"),
    "includes": gettext_noop("contains"),
    "not_includes": gettext_noop("does not contain"),
    "changed": gettext_noop("has changed"),
    "not_changed": gettext_noop("has not changed"),
    "value": gettext_noop("became"),
    "not_value": gettext_noop("did not become"),
    "value_previous": gettext_noop("was before"),
    "not_value_previous": gettext_noop("was not before"),
}


@dataclass(frozen=True)
class Condition:
    field: str
    title: str
    kind: Kind
    holds: Callable[[Update, str, str], bool]  # (update, operator, value); what it does not know never holds
    operators: Sequence[str] = EQUAL
    uses: Sequence[Use] = RULES
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)  # value -> msgid; beside the rows of the kind
    hint: str = ""

    def operators_for(self, use: Use) -> Sequence[str]:
        """Only a trigger looks at an update, and so at what has changed."""
        return [name for name in self.operators if use is Use.TRIGGER or name not in CHANGING]


@dataclass(frozen=True)
class Action:
    field: str
    title: str
    kind: Kind
    effect: Callable[[Rule, Any, Update], Effect | None]  # (rule, value, update)
    uses: Sequence[Use] = RULES
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    hint: str = ""
