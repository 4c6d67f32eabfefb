"""Where mail goes next: to a relay of ours, or to the MX hosts of each recipient's domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from mailroom import oauth
from mailroom.oauth import OAuth


class Tls(StrEnum):
    """How a connection is protected (RFC 3207, RFC 8314)."""

    NONE = "none"
    MAY = "may"  # if offered; the certificate proves nothing; plain where it fails
    MUST = "must"  # or no mail; the certificate is not checked
    VERIFY = "verify"  # or no mail; certificate and name are checked
    IMPLICIT = "implicit"  # from the first octet on, checked


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server. `host` is its name (also for the certificate), `address` its IP address once it is known."""

    host: str
    port: int
    tls: Tls = Tls.MAY
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    auth: str = ""  # plain, login, xoauth2 (the password is the access token); "" takes plain or login, as offered
    address: str = ""
    by_policy: bool = False  # the domain's MTA-STS policy demands the check
    oauth: OAuth | None = None  # where the access token is had, in place of a password

    def __str__(self) -> str:
        return f"{self.host}[{self.address}]" if self.address and self.address != self.host else self.host


@dataclass(frozen=True, slots=True)
class Relay:
    """Hosts that take mail for everybody; the first that answers is used."""

    endpoints: tuple[Endpoint, ...]

    def to(self, domain: str) -> Relay:
        return self


@dataclass(frozen=True, slots=True)
class Mx:
    """The mail exchangers of a domain."""

    domain: str = ""
    port: int = 25
    tls: Tls = Tls.MAY
    ca_file: str = ""

    def to(self, domain: str) -> Mx:
        return replace(self, domain=domain)


Route = Relay | Mx

# Submission servers that put the account's address in place of a foreign return path (Gmail) or refuse it (550 5.7.60).
REWRITES_RETURN_PATH = frozenset(
    {"smtp.office365.com", "smtp-mail.outlook.com", "smtp.gmail.com", "smtp.googlemail.com"}
)

_PORTS = {"smtp": 25, "submission": 587, "smtps": 465}
_AUTH = ("", "plain", "login", "xoauth2", *oauth.PROVIDERS)
_ASKED = ("tls", "auth", *oauth.QUERY)
_WANTED = "want smtp://user:password@host:port, smtps://…, or mx, with / ? # @ in a password as %2F %3F %23 %40"


def relay(url: str, ca_file: str = "") -> Route:
    """The route that the setting names; `.to(domain)` makes it the route of one domain.

    `smtp://user:password@host:port?tls=none|may|must|verify&auth=plain|login|xoauth2`, `submission://…` (port 587),
    `smtps://…`, several of them with spaces between, or `mx`, `mx:PORT`, `mx?tls=verify`. With
    `auth=microsoft&tenant=T&client_id=C`, `auth=google&client_id=C&client_secret=S` or
    `auth=oauth2&token_url=U&client_id=C…` the password is the secret that access tokens are had with.
    ValueError, fit to be shown, where it is none of these; also for a word too many or misspelt, for mail must not go
    unprotected because of it.
    """
    parts = url.split()
    if not parts:
        raise ValueError("no relay is named: smtp://host:port, smtps://host, or mx")
    if parts[0].partition("?")[0].partition(":")[0] == "mx" and len(parts) == 1:
        return _mx("mx://" + parts[0].removeprefix("mx").replace(":", "host:", 1), ca_file)
    return Relay(tuple(_endpoint(part, ca_file) for part in parts))


def url_of(endpoint: Endpoint) -> str:
    """What `relay` reads as this endpoint, but for its `ca_file` and `address`."""
    scheme = "smtps" if endpoint.tls is Tls.IMPLICIT else "smtp"
    tokens = endpoint.oauth
    secret = tokens.secret if tokens else endpoint.password
    user = ":".join(quote(part, safe="") for part in (endpoint.user, secret) if part)
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    asked = {"tls": "" if endpoint.tls is Tls.IMPLICIT else endpoint.tls.value, "auth": endpoint.auth}
    asked |= oauth.query_of(tokens) if tokens else {}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{scheme}://{user and user + '@'}{host}:{endpoint.port}{query and '?' + query}"


def _mx(url: str, ca_file: str) -> Mx:
    parts = _split(url)
    return Mx(port=_port(parts) or 25, tls=_tls(_asked(parts, ("tls",))), ca_file=ca_file)


def _endpoint(url: str, ca_file: str) -> Endpoint:
    parts = _split(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"not a relay: {_shown(parts)} ({_WANTED})")
    asked = _asked(parts, _ASKED)
    auth = asked.get("auth", "").lower()
    if auth not in _AUTH:
        raise ValueError(f"auth={auth} is not one of {', '.join(_AUTH[1:])}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if auth and not user:
        raise ValueError(f"auth={auth} needs a user: {parts.scheme}://user:password@{parts.hostname}")
    tokens = oauth.of_provider(auth, asked, password) if auth in oauth.PROVIDERS else None
    return Endpoint(
        host=parts.hostname,
        port=_port(parts) or _PORTS[parts.scheme],
        tls=Tls.IMPLICIT if parts.scheme == "smtps" else _tls(asked),
        user=user,
        password="" if tokens else password,
        ca_file=ca_file,
        auth="xoauth2" if tokens else auth,
        oauth=tokens,
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # its words may hold the password
        raise ValueError(f"not a relay ({_WANTED})") from None


def _asked(parts: SplitResult, known: Sequence[str]) -> dict[str, str]:
    """Nothing else stands behind the host: else it is half of a password, and what looks like a host is a user."""
    if parts.path not in ("", "/") or parts.fragment or "@" in parts.query:
        raise ValueError(f"too much behind {_shown(parts)} ({_WANTED})")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    asked = dict(pairs)
    if len(asked) < len(pairs) or not asked.keys() <= set(known):
        raise ValueError(f"behind the ? of {_shown(parts)} may stand, once each: {', '.join(known)}")
    return asked


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError(f"not a port behind {_shown(parts)}") from None


def _tls(asked: Mapping[str, str]) -> Tls:
    word = asked.get("tls", Tls.MAY.value).lower()
    if word not in ("none", "may", "must", "verify"):
        raise ValueError(f"tls={word} is not one of none, may, must, verify")
    return Tls(word)


def _shown(parts: SplitResult) -> str:
    """As much as certainly holds no password."""
    return f"{parts.scheme}://{parts.hostname or ''}"
