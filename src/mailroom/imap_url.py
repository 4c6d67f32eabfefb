"""A mailbox that mail is fetched from, as a setting names it. Only words: `answerback.inbound` does the talking."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

from mailroom import oauth
from mailroom.oauth import OAuth

_PORTS = {"imap": 143, "imaps": 993}
_TLS = ("verify", "must", "none")
_THEN = ("seen", "keep", "delete")  # or "move:FOLDER"
_AUTH = ("password", *oauth.PROVIDERS)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One folder of one account."""

    host: str
    port: int
    user: str
    folder: str = "INBOX"
    password: str = field(default="", repr=False)
    oauth: OAuth | None = None
    implicit_tls: bool = True
    tls: str = "verify"  # verify, must (the certificate is not checked), none
    support_address: str = ""  # whom its mail is for, where the mail itself does not say; "" = the default one
    then: str = "seen"  # what becomes of a mail that is stored: seen, keep, delete, move
    move_to: str = ""

    @property
    def name(self) -> str:
        """What people and logs call it, and what it is known by."""
        return f"{self.host}/{self.user}/{self.folder}"


def mailboxes(text: str) -> list[Mailbox]:
    """Those that the setting names, with blanks between. ValueError, fit to be shown, without a password in it.

    `imaps://USER:PASSWORD@HOST:PORT/FOLDER?for=ADDRESS&then=seen|keep|delete|move:FOLDER&tls=verify|must|none` and
    `imap://…` (STARTTLS unless `tls=none`). User and password are percent-encoded, so `support%40example.com`.
    With `auth=microsoft&tenant=T&client_id=C` the password is the client's secret, with
    `auth=google&client_id=C&client_secret=S` a refresh token, with `auth=oauth2&token_url=U&client_id=C…` either.
    """
    found = [_mailbox(word) for word in text.split()]
    names = [mailbox.name for mailbox in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{sorted(twice)[0]} is named twice")
    return found


def url_of(mailbox: Mailbox) -> str:
    """What `mailboxes` reads as this mailbox."""
    asked = {
        "for": mailbox.support_address,
        "then": f"move:{mailbox.move_to}" if mailbox.then == "move" else mailbox.then,
        "tls": mailbox.tls,
    }
    secret = mailbox.oauth.secret if mailbox.oauth else mailbox.password
    told = oauth.query_of(mailbox.oauth) if mailbox.oauth else {}
    query = urlencode({name: value for name, value in asked.items() if value} | told)
    user, folder = (quote(part, safe="") for part in (mailbox.user, mailbox.folder))
    host = f"[{mailbox.host}]" if ":" in mailbox.host else mailbox.host
    scheme = "imaps" if mailbox.implicit_tls else "imap"
    return f"{scheme}://{user}:{quote(secret, safe='')}@{host}:{mailbox.port}/{folder}?{query}"


def _mailbox(url: str) -> Mailbox:
    try:
        parts = urlsplit(url)
    except ValueError:  # its words may hold the password
        raise ValueError("not a mailbox (want imaps://user:password@host/INBOX)") from None
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username:
        raise ValueError(f"not a mailbox: {_shown(parts)} (want imaps://user:password@host/INBOX)")
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    secret = unquote(parts.password or "")
    tokens = _oauth(asked, secret)
    then, _, move_to = asked.get("then", "seen").partition(":")
    if not (then in _THEN or (then == "move" and move_to)):
        raise ValueError(f"then={asked['then']} is not one of seen, keep, delete, move:FOLDER")
    return Mailbox(
        host=parts.hostname,
        port=_port(parts),
        user=unquote(parts.username),
        folder=unquote(parts.path.strip("/")) or "INBOX",
        password="" if tokens else secret,
        oauth=tokens,
        implicit_tls=parts.scheme == "imaps",
        tls=_one_of("tls", asked.get("tls", "verify"), _TLS),
        support_address=asked.get("for", ""),
        then=then,
        move_to=move_to,
    )


def _oauth(asked: dict[str, str], secret: str) -> OAuth | None:
    kind = _one_of("auth", asked.get("auth", "password"), _AUTH)
    return None if kind == "password" else oauth.of_provider(kind, asked, secret)


def _one_of(name: str, word: str, allowed: tuple[str, ...]) -> str:
    if word not in allowed:
        raise ValueError(f"{name}={word} is not one of {', '.join(allowed)}")
    return word


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise ValueError(f"not a port behind {_shown(parts)}") from None


def _shown(parts: SplitResult) -> str:
    """As much as certainly holds no password."""
    return f"{parts.scheme or '?'}://{parts.hostname or ''}"
