"""Access tokens: had once, kept until they are refused, and why there is none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.mailroom.token_server import token_server

from mailroom.oauth import NoTokenError, OAuth, access_token, forget


def test_a_token_is_had_once_and_anew_after_a_refusal() -> None:
    answers = [(200, b'{"access_token": "%s", "expires_in": 3600}' % name) for name in (b"one", b"two", b"three")]
    with token_server(*answers) as provider:
        oauth = OAuth(provider.url, "client", "scope", client_secret="s")
        assert [access_token(oauth) for _ in range(2)] == ["one", "one"]
        assert provider.forms == [
            {"grant_type": "client_credentials", "client_id": "client", "client_secret": "s", "scope": "scope"}
        ]
        forget(oauth, "one")
        assert access_token(oauth) == "two"
        forget(oauth, "one")  # somebody else was refused with the old one, too
        assert access_token(oauth) == "two"
        assert access_token(OAuth(provider.url, "client", refresh_token="r")) == "three"
    assert len(provider.forms) == 3
    assert provider.forms[2] == {"grant_type": "refresh_token", "client_id": "client", "refresh_token": "r"}


def test_many_sessions_wait_for_one_answer() -> None:
    with token_server((200, b'{"access_token": "T", "expires_in": 3600}')) as provider:
        oauth = OAuth(provider.url, "client", client_secret="s")
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(access_token, [oauth] * 16)) == {"T"}
    assert len(provider.forms) == 1


def test_a_token_that_ends_at_once_is_not_kept() -> None:
    with token_server((200, b'{"access_token": "T", "expires_in": 60}')) as provider:
        oauth = OAuth(provider.url, "client", client_secret="s")
        assert [access_token(oauth) for _ in range(2)] == ["T", "T"]
    assert len(provider.forms) == 2


@pytest.mark.parametrize(
    "status, body, said",
    [
        (
            400,
            b'{"error": "invalid_grant", "error_description": "AADSTS700082: expired\\r\\nTrace"}',
            "AADSTS700082: expired",
        ),
        (401, b'{"error": "invalid_client"}', "invalid_client"),
        (200, b"<html>", "JSONDecodeError"),
        (200, b"[]", "status 200"),
        (500, b'{"access_token": null}', "status 500"),
    ],
)
def test_why_there_is_no_token(status: int, body: bytes, said: str) -> None:
    with token_server((status, body)) as provider:
        with pytest.raises(NoTokenError, match=said) as raised:
            access_token(OAuth(provider.url, "c", refresh_token="r"))
        assert "\n" not in str(raised.value)
