"""Access tokens for mailboxes of Microsoft 365, Gmail and others (RFC 6749): had from the provider, then kept."""

from __future__ import annotations

import time

import httpx

from mailroom.imap_url import OAuth

SECONDS = 30
_EARLY = 120  # seconds before its end a token is not used any more
_kept: dict[OAuth, tuple[str, float]] = {}


class NoTokenError(Exception):
    """The provider gives none. The text is its reason, in a line."""


def access_token(oauth: OAuth) -> str:
    """A token that works now. NoTokenError."""
    token, until = _kept.get(oauth, ("", 0.0))
    if time.monotonic() >= until:
        token, lifetime = _ask(oauth)
        _kept[oauth] = token, time.monotonic() + lifetime - _EARLY
    return token


def forget(oauth: OAuth) -> None:
    """The server did not take it: the next one is asked for anew."""
    _kept.pop(oauth, None)


def _ask(oauth: OAuth) -> tuple[str, float]:
    form = {"client_id": oauth.client_id, "client_secret": oauth.client_secret, "scope": oauth.scope}
    form["grant_type"] = "refresh_token" if oauth.refresh_token else "client_credentials"
    form["refresh_token"] = oauth.refresh_token
    try:
        answer = httpx.post(
            oauth.token_url, data={name: value for name, value in form.items() if value}, timeout=SECONDS
        )
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NoTokenError(f"{type(error).__name__}: {error}".partition("\n")[0]) from None
    if not isinstance(told, dict) or not isinstance(told.get("access_token"), str):
        reason = told.get("error_description") or told.get("error") if isinstance(told, dict) else None
        raise NoTokenError(str(reason or f"status {answer.status_code}").partition("\n")[0])
    try:
        return told["access_token"], float(told.get("expires_in", 300))
    except (TypeError, ValueError):
        return told["access_token"], 300.0
