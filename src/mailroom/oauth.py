"""OAuth2 for mail servers (RFC 6749): where access tokens are had, as a setting names it, and having them.

Policy: a token is kept until shortly before its end, and anew where a server did not take it. IMAP and SMTP share what
is kept. May be called from any thread; those that want the same token wait for one answer.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

SECONDS = 30
_EARLY = 120  # seconds before its end a token is not used any more

# Where access tokens are had, and for what (learn.microsoft.com, "Authenticate an IMAP, POP or SMTP connection using
# OAuth"; developers.google.com, "OAuth 2.0 for web server applications", "Gmail IMAP").
_MICROSOFT_TOKENS = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
_MICROSOFT_SCOPE = "https://outlook.office365.com/.default"
_GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
PROVIDERS = ("microsoft", "google", "oauth2")  # as `auth=` names them
QUERY = ("tenant", "client_id", "client_secret", "token_url", "scope")  # what `of_provider` reads


@dataclass(frozen=True, slots=True)
class OAuth:
    """How an access token is had: RFC 6749 §4.4 with a client's secret, or §6 with a refresh token."""

    token_url: str
    client_id: str
    scope: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    @property
    def secret(self) -> str:
        """What stands as password in the address of a server."""
        return self.refresh_token or self.client_secret

    @property
    def provider(self) -> str:
        """As `auth=` names it."""
        if tenant_of(self):
            return "microsoft"
        return "google" if self.token_url == _GOOGLE_TOKENS else "oauth2"


class NoTokenError(Exception):
    """The provider gives none. The text is its reason, in a line."""


def of_provider(provider: str, asked: Mapping[str, str], secret: str) -> OAuth:
    """As the query of a server's address says. `secret` is what stands there as password. ValueError, fit to be shown.

    With `microsoft` it is the client's secret, with `google` a refresh token, with `oauth2` either.
    """
    client_id = _needed(asked, "client_id", provider)
    if provider == "microsoft":
        tokens = _MICROSOFT_TOKENS.format(tenant=_needed(asked, "tenant", provider))
        return OAuth(tokens, client_id, _MICROSOFT_SCOPE, client_secret=secret)
    if provider == "google":
        return OAuth(_GOOGLE_TOKENS, client_id, client_secret=asked.get("client_secret", ""), refresh_token=secret)
    token_url, scope = _needed(asked, "token_url", provider), asked.get("scope", "")
    if "client_secret" in asked:
        return OAuth(token_url, client_id, scope, asked["client_secret"], refresh_token=secret)
    return OAuth(token_url, client_id, scope, client_secret=secret)


def query_of(oauth: OAuth) -> dict[str, str]:
    """What `of_provider` reads as this one, beside its secret."""
    if oauth.provider == "google" and oauth.refresh_token:
        return {"auth": "google", "client_id": oauth.client_id, "client_secret": oauth.client_secret}
    told = {"auth": "oauth2", "token_url": oauth.token_url, "client_id": oauth.client_id, "scope": oauth.scope}
    told |= {"client_secret": oauth.client_secret} if oauth.refresh_token else {}
    return {name: value for name, value in told.items() if value}


def tenant_of(oauth: OAuth) -> str:
    """The Microsoft tenant that gives the tokens; "" where it is somebody else."""
    before, after = _MICROSOFT_TOKENS.split("{tenant}")
    if oauth.token_url.startswith(before) and oauth.token_url.endswith(after):
        return oauth.token_url[len(before) : -len(after)]
    return ""


def _needed(asked: Mapping[str, str], name: str, provider: str) -> str:
    if not asked.get(name):
        raise ValueError(f"auth={provider} needs {name}=…")
    return asked[name]


_kept: dict[OAuth, tuple[str, float]] = {}
_asking: defaultdict[OAuth, threading.Lock] = defaultdict(threading.Lock)


def access_token(oauth: OAuth) -> str:
    """A token that works now. NoTokenError."""
    with _asking[oauth]:
        token, until = _kept.get(oauth, ("", 0.0))
        if time.monotonic() >= until:
            token, lifetime = _ask(oauth)
            _kept[oauth] = token, time.monotonic() + lifetime - _EARLY
        return token


def forget(oauth: OAuth, token: str) -> None:
    """The server did not take this one: another is asked for next time."""
    if _kept.get(oauth, ("", 0.0))[0] == token:
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
