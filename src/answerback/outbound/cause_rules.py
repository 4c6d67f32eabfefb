"""The rules by which an administrator names causes, asked before those of the catalogue. The one writer of `CauseRule`.

Policy: the rules of the setting come first, since whoever keeps them in a file decides for the installation; then those
of the page, in their order. The first that fits counts. They are read anew for each batch of reports, so that a change
counts at once and in every process. What was named before stays as it was.

A rule goes above the first that would hide it: the special stands before the general. One that a rule of the setting
hides, or whose words have a rule already, would never be asked and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from answerback.core import clock, places
from answerback.outbound.models import CauseRule
from answerback.people.models import Account
from mailroom.causes.own import OwnRule, hidden_by, own_rule

DELETED_KEPT = timedelta(days=1)


class HiddenRuleError(ValueError):
    """The rule would never be asked: `by` stands before it and fits whatever it fits."""

    def __init__(self, by: OwnRule, in_setting: bool) -> None:
        super().__init__(by.words)
        self.by, self.in_setting = by, in_setting


def of_setting() -> tuple[OwnRule, ...]:
    rules: tuple[OwnRule, ...] = settings.CAUSE_RULES
    return rules


def all_rows() -> QuerySet[CauseRule]:
    return CauseRule.objects.filter(deleted_at__isnull=True)


def current() -> tuple[OwnRule, ...]:
    """All that count, in the order in which they are asked."""
    return of_setting() + tuple(OwnRule(*row) for row in all_rows().values_list("words", "cause"))


def save_rule(row: CauseRule | None, words: str, cause: str, by: Account | None) -> CauseRule:
    """A new rule (None) or a changed one. BadRuleError, HiddenRuleError."""
    rule, now = own_rule(words, cause), clock.now()
    with transaction.atomic():
        rows = list(all_rows().select_for_update(of=("self",)))
        place = _placed(rows, row, rule)[1]
        saved = row or CauseRule(created_at=now, position=rows[-1].position + 1 if rows else 1)
        saved.words, saved.cause, saved.by, saved.updated_at = rule.words, rule.cause, by, now
        saved.save()
        move(rows if row else [*rows, saved], saved, place)
    return saved


def with_draft(row: CauseRule | None, rule: OwnRule) -> tuple[OwnRule, ...]:
    """All that would count if the rule were saved. HiddenRuleError."""
    order, place = _placed(list(all_rows()), row, rule)
    rules = [one.own for one in order]
    return (*of_setting(), *rules[:place], rule, *rules[place:])


def delete_rule(row: CauseRule) -> None:
    CauseRule.objects.filter(pk=row.pk).update(deleted_at=clock.now())


def take_back(rule_id: int) -> bool:
    """Undo a deletion. False where it is too late."""
    return CauseRule.objects.filter(pk=rule_id, deleted_at__isnull=False).update(deleted_at=None) == 1


def move(rows: Sequence[CauseRule], row: CauseRule, place: int) -> None:
    """To that place, counted from 0, among `rows`, which are in order."""
    changed = places.moved(rows, row, place)
    with transaction.atomic():
        for pk, position in changed.items():
            CauseRule.objects.filter(pk=pk).update(position=position)
    row.position = changed.get(row.pk, row.position)


def hidden(rows: Sequence[CauseRule]) -> Mapping[int, OwnRule]:
    """Those that are never asked, because of which other one."""
    asked = list(of_setting())
    found: dict[int, OwnRule] = {}
    for row in rows:
        if by := hidden_by(row.own, asked):
            found[row.pk] = by
        asked.append(row.own)
    return found


def forget_deleted() -> int:
    return CauseRule.objects.filter(deleted_at__lt=clock.now() - DELETED_KEPT).delete()[0]


def _placed(rows: Sequence[CauseRule], row: CauseRule | None, rule: OwnRule) -> tuple[list[CauseRule], int]:
    """The other rows, and the place among them where the rule goes: its own, or above the first that hides it."""
    if by := hidden_by(rule, of_setting()):
        raise HiddenRuleError(by, in_setting=True)
    others = [one for one in rows if row is None or one.pk != row.pk]
    if same := next((one for one in others if one.words == rule.words), None):
        raise HiddenRuleError(same.own, in_setting=False)
    place = next((at for at, one in enumerate(rows) if row is not None and one.pk == row.pk), len(others))
    hiding = (at for at, one in enumerate(others[:place]) if hidden_by(rule, [one.own]))
    return others, next(hiding, place)
