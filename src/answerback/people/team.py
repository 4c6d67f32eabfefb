"""Who works here, in which role and groups. One admin always stays."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from answerback.people.models import Account, Group

THEMES = ("system", "light", "dark")


class LastAdminError(ValueError):
    """Nobody could administer the desk any more."""


def change(account: Account, *, role: str, supervisor: bool, active: bool, groups: Sequence[Group]) -> None:
    """Role, flags and groups of a colleague. LastAdminError."""
    with transaction.atomic():
        keeps_power = role == Account.Role.ADMIN and active
        others = Account.objects.filter(role=Account.Role.ADMIN, is_active=True).exclude(pk=account.pk)
        if not keeps_power and not others.exists():
            raise LastAdminError
        account.role, account.supervisor, account.is_active = role, supervisor, active
        account.save(update_fields=["role", "supervisor", "is_active"])
        account.groups.set(groups)


def edit_own(
    account: Account, *, name: str, language: str, theme: str, signature: str, undo_seconds: int | None
) -> None:
    """What everybody may change about themselves."""
    account.person.name = " ".join(name.split())[:200] or account.person.name
    account.person.language = language
    account.person.save(update_fields=["name", "language"])
    account.theme = theme if theme in THEMES else THEMES[0]
    account.signature = signature.strip()
    account.undo_seconds = undo_seconds
    account.save(update_fields=["theme", "signature", "undo_seconds"])


def choose_language(account: Account, language: str) -> None:
    account.person.language = language
    account.person.save(update_fields=["language"])


def set_password(account: Account, password: str | None) -> None:
    """None: nobody can sign in until one is chosen."""
    account.set_password(password)
    account.save(update_fields=["password"])


def add_group(name: str) -> Group:
    """The group of that name, made where there is none."""
    group, _ = Group.objects.get_or_create(name=" ".join(name.split())[:100])
    return group


def rename_group(group: Group, name: str) -> bool:
    """False where another group has that name, or it is empty."""
    name = " ".join(name.split())[:100]
    if not name or Group.objects.filter(name=name).exclude(pk=group.pk).exists():
        return False
    group.name = name
    group.save(update_fields=["name"])
    return True
