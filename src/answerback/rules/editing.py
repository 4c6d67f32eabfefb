"""Triggers and automations come, change and go. The one writer of both, and of what they were (`Revision`).

Nothing is lost: a deleted rule can be brought back, and every version stays with who made it and when.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from answerback.core import clock, places
from answerback.people.models import Account
from answerback.rules import defaults
from answerback.rules.effects import Rule
from answerback.rules.models import Automation, Revision, Trigger

Act = Revision.Act


class NothingShippedError(LookupError):
    """There is no shipped text to go back to."""


def save_rule(rule: Rule, by: Account, *, title: str, conditions: Any, actions: Any, active: bool) -> Rule:
    """A new rule (not saved yet), which goes to the end, or a changed one."""
    with transaction.atomic():
        now, new = clock.now(), rule.pk is None
        if new:
            rule.position, rule.created_at = _last(type(rule)) + 1, now
        rule.title, rule.conditions, rule.actions = title[:200], conditions, actions
        rule.active, rule.updated_at = active, now
        rule.save()
        _note(rule, Act.CREATED if new else Act.CHANGED, by)
    return rule


def switch(rule: Rule, active: bool, by: Account) -> None:
    with transaction.atomic():
        rule.active, rule.updated_at = active, clock.now()
        rule.save(update_fields=["active", "updated_at"])
        _note(rule, Act.SWITCHED_ON if active else Act.SWITCHED_OFF, by)


def clone(rule: Rule, title: str, by: Account) -> Rule:
    """Switched off, at the end: two that do the same would do it twice."""
    copy = type(rule)()
    return save_rule(copy, by, title=title, conditions=rule.conditions, actions=rule.actions, active=False)


def delete(rule: Rule, by: Account) -> None:
    with transaction.atomic():
        rule.deleted_at = clock.now()
        rule.save(update_fields=["deleted_at"])
        _note(rule, Act.DELETED, by)


def bring_back(rule: Rule, by: Account) -> None:
    with transaction.atomic():
        rule.deleted_at = None
        rule.save(update_fields=["deleted_at"])
        _note(rule, Act.BROUGHT_BACK, by)


def restore_shipped(rule: Rule, by: Account) -> None:
    """Title, conditions and actions as we ship them; on or off as it is. NothingShippedError."""
    row = defaults.shipped(rule.key)
    if row is None:
        raise NothingShippedError(rule.key)
    with transaction.atomic():
        rule.title, rule.conditions, rule.actions = row["title"], row["conditions"], row["actions"]
        rule.updated_at = clock.now()
        rule.save()
        _note(rule, Act.RESTORED, by)


def go_back(rule: Rule, revision: Revision, by: Account) -> None:
    """Title, conditions and actions as they were then; on or off, and its place, as they are. LookupError: not its."""
    if rule.pk != (revision.trigger_id if isinstance(rule, Trigger) else revision.automation_id):
        raise LookupError(revision.pk)
    with transaction.atomic():
        rule.title, rule.conditions, rule.actions = revision.title, revision.conditions, revision.actions
        rule.updated_at = clock.now()
        rule.save(update_fields=["title", "conditions", "actions", "updated_at"])
        _note(rule, Act.WENT_BACK, by)


def is_as_in(rule: Rule, revision: Revision) -> bool:
    return all(getattr(rule, name) == getattr(revision, name) for name in ("title", "conditions", "actions"))


def differs_from_shipped(rule: Rule) -> bool:
    row = defaults.shipped(rule.key) if rule.key else None
    return row is not None and row != {name: getattr(rule, name) for name in row}


def move(rule: Rule, place: int, by: Account) -> None:
    """To that place of the list, counted from 0; the others close up."""
    with transaction.atomic():
        rows = list(type(rule).objects.select_for_update().filter(deleted_at__isnull=True))
        changed = places.moved(rows, rule, place)
        for pk, position in changed.items():
            type(rule).objects.filter(pk=pk).update(position=position)
        if rule.pk in changed:
            _note(rule, Act.MOVED, by)


def _last(model: type[Trigger] | type[Automation]) -> int:
    return model.objects.aggregate(last=Max("position"))["last"] or 0


def _note(rule: Rule, act: Revision.Act, by: Account) -> None:
    Revision.objects.create(
        trigger=rule if isinstance(rule, Trigger) else None,
        automation=rule if isinstance(rule, Automation) else None,
        act=act,
        by=by,
        at=clock.now(),
        title=rule.title,
        conditions=rule.conditions,
        actions=rule.actions,
    )
