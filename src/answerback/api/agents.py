"""Agents are named by their user ids in the API; rules, macros and views keep the ids of accounts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from answerback.people.models import Account

NOBODY = "0"  # what a number becomes that is no agent's: nobody has this id


class Agents:
    """Between user ids and accounts. Words such as `current_user` stay what they are; read where one is asked for."""

    def account(self, user_id: str) -> str:
        return self._accounts.get(user_id, NOBODY) if user_id.isdecimal() else user_id

    def user(self, account_id: str) -> str:
        return self._users.get(account_id, NOBODY) if account_id.isdecimal() else account_id

    @cached_property
    def _rows(self) -> list[tuple[int, int]]:
        return list(Account.objects.values_list("pk", "person_id"))

    @cached_property
    def _accounts(self) -> Mapping[str, str]:
        return {str(person): str(account) for account, person in self._rows}

    @cached_property
    def _users(self) -> Mapping[str, str]:
        return {str(account): str(person) for account, person in self._rows}
