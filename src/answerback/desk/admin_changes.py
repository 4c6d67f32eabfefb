"""What administrators change, and who, when, from what to what: a record that nobody edits.

Policy: whoever changes the administration does it inside `recording`. What is watched is looked at before and after, in
one transaction, and every difference becomes a row: so a change cannot be forgotten where it is made, and what was not
saved leaves no trace. Secrets are compared and never kept: the record says that one was changed. Two administrators
wait for each other, so that each change has its own author.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from answerback.core import clock, mail_settings
from answerback.core.models import Setting
from answerback.desk.models import AdminChange
from answerback.outbound.models import CauseRule, DkimKey, Lane
from answerback.people.models import Account, ApiToken, Group
from answerback.rules.models import Automation, Macro, Trigger, Webhook
from answerback.tickets.models import SupportAddress

Act, Via = AdminChange.Act, AdminChange.Via
MASK = "•••"
ORDER = "order"
MAIL_SETTING, SETTING = "mail_setting", "setting"
SETTINGS = ("escalation_hours", "retention")  # of core.models.Setting; the others are notes of our own
_LOCK = "admin_changes"
_GROUPS = ("group", "groups")
_NOTHING: Sequence[object] = (None, "", [], {})
_SUBJECT_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Kind:
    """A table that is watched. `secrets` are compared only; where `ordered`, the order of the rows counts too."""

    rows: Callable[[], QuerySet[Any]]
    title: Callable[[Any], str]
    fields: Mapping[str, Callable[[Any], object]]
    secrets: Sequence[str] = ()
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A row as it was. `hidden` is never kept."""

    title: str
    values: Mapping[str, object]
    hidden: Mapping[str, object] = field(default_factory=dict)


Snapshot = Mapping[tuple[str, str], Seen]


@contextmanager
def recording(by: Callable[[], Account | None], via: AdminChange.Via) -> Iterator[None]:
    """Records what the block changes. `by` is asked at its end."""
    with transaction.atomic():
        Setting.objects.get_or_create(name=_LOCK, defaults={"value": {}})
        Setting.objects.select_for_update().get(name=_LOCK)
        before = _look()
        yield
        _write(before, _look(), by(), via)


def _of(*names: str) -> Mapping[str, Callable[[Any], object]]:
    """Fields whose value stands in the column of that name."""

    def reading(name: str) -> Callable[[Any], object]:
        return lambda row: getattr(row, name)

    return {name: reading(name) for name in names}


def _undeleted(model: type[Model]) -> Callable[[], QuerySet[Any]]:
    return lambda: model._default_manager.filter(deleted_at__isnull=True)


_RULE = _of("title", "active", "conditions", "actions")
KINDS: Mapping[str, Kind] = {
    "account": Kind(
        lambda: Account.objects.select_related("person").prefetch_related("groups"),
        lambda row: f"{row.person.name} <{row.email}>",
        {
            **_of("role", "supervisor", "is_active"),
            "groups": lambda row: sorted(group.pk for group in row.groups.all()),
        },
        secrets=("password",),
    ),
    "group": Kind(Group.objects.all, lambda row: row.name, _of("name")),
    "support_address": Kind(
        SupportAddress.objects.all,
        lambda row: row.address,
        {**_of("address", "name", "language", "default", "active"), "group": lambda row: row.group_id},
    ),
    "token": Kind(
        lambda: ApiToken.objects.select_related("account"),
        lambda row: row.name,
        {"account": lambda row: row.account.email},
    ),
    "trigger": Kind(_undeleted(Trigger), lambda row: row.title, _RULE, ordered=True),
    "automation": Kind(_undeleted(Automation), lambda row: row.title, _RULE, ordered=True),
    "macro": Kind(
        lambda: Macro.objects.filter(deleted_at__isnull=True, owner__isnull=True),
        lambda row: row.title,
        _of("title", "description", "active", "actions"),
        ordered=True,
    ),
    "cause_rule": Kind(_undeleted(CauseRule), lambda row: row.words, _of("words", "cause"), ordered=True),
    "webhook": Kind(
        Webhook.objects.all,
        lambda row: row.name,
        _of("name", "endpoint", "events", "active", "authentication", "user_name"),
        secrets=("secret", "password", "headers"),
    ),
    "lane": Kind(
        lambda: Lane.objects.filter(~Q(rate="") | Q(paused_at__isnull=False)),
        lambda row: row.destination,
        {"rate": lambda row: row.rate, "paused": lambda row: row.paused_at is not None},
    ),
    "dkim": Kind(
        DkimKey.objects.all,
        lambda row: f"{row.selector}._domainkey.{row.domain}",
        {"in_use": lambda row: row.in_use_since is not None},
        secrets=("private",),
    ),
}


def _look() -> Snapshot:
    seen: dict[tuple[str, str], Seen] = {}
    for name, kind in KINDS.items():
        rows = list(kind.rows())
        seen |= {(name, str(row.pk)): _seen(kind, row) for row in rows}
        if kind.ordered:
            ordered = sorted(rows, key=lambda row: (row.position, row.pk))
            seen[name, ""] = Seen("", {ORDER: [kind.title(row) for row in ordered]})
    for setting in Setting.objects.filter(name__in=SETTINGS):
        values = setting.value if isinstance(setting.value, dict) else {"value": setting.value}
        seen[SETTING, setting.name] = Seen(setting.name, values)
    for name, value in mail_settings.kept().items():
        shown = mail_settings.masked(name, value)
        seen[MAIL_SETTING, name] = Seen(name, {"value": shown}, {"value": value})
    return seen


def _seen(kind: Kind, row: Any) -> Seen:
    values = {name: read(row) for name, read in kind.fields.items()}
    return Seen(kind.title(row), values, {name: getattr(row, name) for name in kind.secrets})


def _write(before: Snapshot, after: Snapshot, by: Account | None, via: AdminChange.Via) -> None:
    now = clock.now()
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old == new or _is_mere_order(key, old, new):
            continue
        kind, subject_id = key
        act = Act.ADDED if old is None else Act.REMOVED if new is None else Act.CHANGED
        title = (new or old or Seen("", {})).title[:_SUBJECT_LENGTH]
        changes = _with_names(_differences(old, new), {**before, **after})
        who = by.person.name if by else ""
        AdminChange.objects.create(
            at=now,
            by=by,
            by_name=who,
            via=via,
            act=act,
            kind=kind,
            subject=title,
            subject_id=subject_id,
            changes=changes,
            words=" ".join([who, by.email if by else "", kind, title, str(changes)]).lower(),
        )


def _is_mere_order(key: tuple[str, str], old: Seen | None, new: Seen | None) -> bool:
    """The order of rules says something only where they are the same ones: else they are told themselves."""
    if key[1] or old is None or new is None:
        return not key[1]
    return sorted(map(str, old.values[ORDER])) != sorted(map(str, new.values[ORDER]))  # type: ignore[call-overload]


def _differences(old: Seen | None, new: Seen | None) -> dict[str, list[object]]:
    """Field -> what it was and is. Of a secret, what is shown in its place, and nothing where there is none."""
    before, after = old or Seen("", {}), new or Seen("", {})
    told = {
        name: [before.values.get(name), after.values.get(name)]
        for name in {**before.values, **after.values}
        if before.values.get(name) != after.values.get(name)
    }
    for name in {**before.hidden, **after.hidden}:
        if before.hidden.get(name) != after.hidden.get(name):
            told[name] = [_shown(before, name), _shown(after, name)]
    return {name: pair for name, pair in told.items() if any(value not in _NOTHING for value in pair)}


def _shown(seen: Seen, name: str) -> object:
    return seen.values.get(name, MASK) if seen.hidden.get(name) else None


def _with_names(changes: dict[str, list[object]], seen: Snapshot) -> dict[str, list[object]]:
    """Groups are compared by their numbers, so that a new name changes nobody else, and told by their names."""

    def named(value: object) -> str:
        numbers = value if isinstance(value, list) else [value] if value else []
        return ", ".join(seen["group", str(pk)].title for pk in numbers if ("group", str(pk)) in seen)

    return {name: [named(value) for value in pair] if name in _GROUPS else pair for name, pair in changes.items()}


# Reading


def find(text: str = "", kind: str = "") -> QuerySet[AdminChange]:
    """Those in which every word of the text occurs."""
    wanted = Q(kind=kind) if kind else Q()
    for word in text.lower().split():
        wanted &= Q(words__contains=word)
    return AdminChange.objects.filter(wanted).select_related("by__person")
