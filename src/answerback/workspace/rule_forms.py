"""The editor's form: rows of conditions and actions from what was posted, and what the page shows of a row."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.people import identities
from answerback.rules import choices
from answerback.rules.actions import ACTIONS
from answerback.rules.conditions import CONDITIONS
from answerback.rules.definition import OPERATORS, WITHOUT_VALUE, Action, Condition, Kind, Use
from answerback.rules.validation import MOST_ROWS
from answerback.workspace import condition_rows
from answerback.workspace.condition_rows import Posted

Options = choices.Options
# "" is the text for every language that has none of its own
LANGUAGES = {"": gettext_noop("In every language"), "en": "English", "de": "Deutsch"}
_TEXTS: dict[Kind, Sequence[tuple[str, str]]] = {
    Kind.MAIL: (("subject", gettext_noop("Subject")), ("body", gettext_noop("Text"))),
    Kind.GROUP_MAIL: (("subject", gettext_noop("Subject")), ("body", gettext_noop("Text"))),
    Kind.NOTICE: (("body", gettext_noop("Text")),),
    Kind.TEXT: (("body", gettext_noop("Text")),),
}


@dataclass(frozen=True, kw_only=True)
class ConditionRow(condition_rows.ConditionRow):
    use: Use
    has_value: bool
    number: bool
    problem: str = ""


@dataclass(frozen=True)
class Text:
    name: str
    title: str
    language: str
    value: str
    long: bool


@dataclass(frozen=True)
class ActionRow:
    use: Use
    key: str  # names the row's fields in the form
    field: str
    value: str
    fields: Options
    options: Options
    kind: str
    hint: str
    texts: Sequence[tuple[str, str, Sequence[Text]]] = ()  # language, its name, texts
    problem: str = ""


def read_conditions(data: Posted) -> dict[str, list[dict[str, Any]]]:
    return {
        block: [
            {"field": name, "operator": operator, "value": _value(CONDITIONS.get(name), value)}
            for name, operator, value in rows
        ]
        for block, rows in condition_rows.posted(data, MOST_ROWS).items()
    }


def read_actions(data: Posted) -> list[dict[str, Any]]:
    return [_read_action(data, key) for key in data.getlist("actions")[:MOST_ROWS]]


def _read_action(data: Posted, key: str) -> dict[str, Any]:
    name, value = data.get(f"{key}_field", ""), data.get(f"{key}_value", "").strip()
    definition = ACTIONS.get(name)
    if definition is None:
        return {"field": name, "value": value}
    texts = [_read_text(data, key, part) for part, _title in _TEXTS.get(definition.kind, ())]
    match definition.kind:
        case Kind.WEBHOOK:
            return {"field": name, "value": [value, data.get(f"{key}_payload", "")]}
        case Kind.TEXT:
            return {"field": name, "value": texts[0]}
        case Kind.MAIL | Kind.GROUP_MAIL | Kind.NOTICE:
            return {"field": name, "value": [value, *texts]}
    return {"field": name, "value": _value(definition, value)}


def _read_text(data: Posted, key: str, part: str) -> dict[str, str]:
    typed = {language: data.get(f"{key}_{part}_{language}", "") for language in LANGUAGES}
    return {language: text.replace("\r\n", "\n") for language, text in typed.items() if text.strip()}


def _value(definition: Condition | Action | None, typed: str) -> str:
    """A person is typed as an address and kept as an id. An address nobody has stays, so that nothing typed is lost."""
    if definition and definition.kind is Kind.PERSON and "@" in typed:
        identity = identities.find(typed)
        return str(identity.person_id) if identity else typed
    return typed


def condition_row(
    use: Use, block: str, row: Mapping[str, Any], names: choices.Names, problem: str = ""
) -> ConditionRow:
    fitting = [known for known in CONDITIONS.values() if use in known.uses]
    known = next((one for one in fitting if one.field == row.get("field")), fitting[0])
    operators = known.operators_for(use)
    operator = row.get("operator") if row.get("operator") in operators else operators[0]
    value = str(row.get("value", ""))
    return ConditionRow(
        use=use,
        block=block,
        field=known.field,
        operator=str(operator),
        value=names.person(known, value) or value,
        fields=sorted(((one.field, _(one.title)) for one in fitting), key=lambda option: option[1].casefold()),
        operators=[(name, _(OPERATORS[name])) for name in operators],
        options=choices.of(known, names) if known.kind in choices.CHOSEN else [],
        hint=_(known.hint) if known.hint else "",
        has_value=operator not in WITHOUT_VALUE,
        number=known.kind in (Kind.HOURS, Kind.NUMBER),
        problem=problem,
    )


def action_row(use: Use, row: Mapping[str, Any], names: choices.Names, problem: str = "") -> ActionRow:
    fitting = [known for known in ACTIONS.values() if use in known.uses]
    known = next((one for one in fitting if one.field == row.get("field")), fitting[0])
    given = row.get("value", "")
    parts = given if isinstance(given, list) else [given]
    texts = parts if known.kind is Kind.TEXT else parts[1:]
    value = "" if known.kind is Kind.TEXT else str(parts[0])
    return ActionRow(
        use=use,
        key=f"a{secrets.token_hex(4)}",
        field=known.field,
        value=names.person(known, value) or value,
        fields=[(one.field, _(one.title)) for one in fitting],
        options=choices.of(known, names) if known.kind in choices.CHOSEN else [],
        kind=known.kind,
        hint=_(known.hint) if known.hint else "",
        texts=_texts(known, texts) if known.kind is not Kind.WEBHOOK else _payload(texts),
        problem=problem,
    )


def _texts(known: Action, given: Sequence[Any]) -> list[tuple[str, str, Sequence[Text]]]:
    parts = _TEXTS.get(known.kind, ())
    if not parts:
        return []
    values = [text if isinstance(text, dict) else {"": text} for text in given] or [{} for _part in parts]
    return [
        (
            language,
            _(title),
            [
                Text(f"{name}_{language}", _(label), language, value.get(language, ""), name == "body")
                for (name, label), value in zip(parts, values, strict=False)
            ],
        )
        for language, title in LANGUAGES.items()
    ]


def _payload(given: Sequence[Any]) -> list[tuple[str, str, Sequence[Text]]]:
    payload = Text(
        "payload", _("Payload as JSON, with placeholders; empty is our own"), "", str(given[0]) if given else "", True
    )
    return [("", "", [payload])]
