"""Delivery statuses as the Zendesk API has them."""

from __future__ import annotations

import pytest

from mailroom.causes.zendesk import status_id_for, statuses
from mailroom.status import EnhancedStatus


def test_all_statuses_are_there_in_both_languages() -> None:
    assert sorted(statuses()) == list(range(55))
    for status in statuses().values():
        assert status.name == status.name.lower()
        assert status.code
        assert status.message["en"].endswith(".")
        assert status.message["de"].endswith(".")
        assert status.message["en"] != status.message["de"]
    assert statuses()[39].text("de-CH") == statuses()[39].message["de"]
    assert statuses()[39].text("fr") == statuses()[39].message["en"]


@pytest.mark.parametrize(
    "reply_code, status, cause, expected, name",
    [
        (550, "5.1.1", "address_unknown", 39, "user_does_not_exist"),
        (585, "5.1.1", "address_unknown", 53, "no_such_user"),
        (552, "5.2.2", "mailbox_full", 31, "mailbox_full"),  # no such row together: the reply code's
        (552, "5.3.4", "message_too_big", 42, "header_size_exceeds_fixed_maximum_size"),
        (554, "5.3.4", "message_too_big", 34, "message_too_big"),
        (554, "5.7.1", "spam_content", 33, "transaction_failed"),
        (550, None, "reputation", 29, "mailbox_unavailable"),
        (550, "5.7.515", "auth_policy", 52, "incorrect_authentication_level"),
        (535, "5.7.8", "login_refused", 44, "authentication_invalid"),
        (452, "4.2.2", "mailbox_full", 2, "unrecognized_external_error"),  # the code decides, and has no row
        (599, None, "mailbox_full", 2, "unrecognized_external_error"),
        (200, None, "delivered", 2, "unrecognized_external_error"),  # 200 is no reply code
        (None, None, "mailbox_full", 31, "mailbox_full"),
        (None, "5.1.1", "address_unknown", 39, "user_does_not_exist"),
        (None, None, "domain_no_mail", 35, "domain_does_not_accept_mail"),
        (None, None, "suppressed", 2, "unrecognized_external_error"),
        (None, None, "delivered", 5, "delivered"),
        (None, None, "", 2, "unrecognized_external_error"),
    ],
)
def test_the_code_decides_and_without_one_the_cause(
    reply_code: int | None, status: str | None, cause: str, expected: int, name: str
) -> None:
    enhanced = EnhancedStatus.parse(status) if status else None
    assert status_id_for(reply_code, enhanced, cause) == expected
    assert statuses()[expected].name == name
