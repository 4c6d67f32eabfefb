"""The customers' mailboxes of the played internet: plain files in SANDBOX_DIR, one folder for each address.

A message is an `.eml` with the octets and a `.json` with the envelope beside it; refused tries have only the latter.
The server writes, the pages read; nothing here is data anybody would miss.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from answerback.core import clock
from mailroom import address as addresses

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail that came to a mailbox, or one try that was refused."""

    key: str  # sorts by time
    address: str  # the recipient, as given
    mail_from: str
    at: float  # seconds since 1970
    fate: str
    reply: str  # what the server answered
    kept: bool  # is there a message?


@dataclass(frozen=True, slots=True)
class Mailbox:
    name: str  # of its folder, for links
    address: str
    entries: list[Entry]  # newest first

    @property
    def messages(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kept]


def deliver(address: str, mail_from: str, fate: str, reply: str, content: bytes | None) -> Entry:
    """Put a message (None: a refused try) into the mailbox of `address`."""
    folder = _folder(name_of(address))
    folder.mkdir(parents=True, exist_ok=True)
    at = clock.now().timestamp()
    entry = Entry(
        f"{int(at * 1000):014d}-{next(_numbers):06d}", address, mail_from, at, fate, reply, content is not None
    )
    if content is not None:
        (folder / f"{entry.key}.eml").write_bytes(content)
    unfinished = folder / f"{entry.key}.part"
    unfinished.write_text(json.dumps(asdict(entry)), "utf-8")
    unfinished.rename(folder / f"{entry.key}.json")  # readers look for .json: they never see half a mail
    return entry


def mailboxes() -> list[Mailbox]:
    """All mailboxes mail was sent to, the one with the newest mail first."""
    root = Path(settings.SANDBOX_DIR)
    found = [mailbox(folder.name) for folder in root.iterdir() if folder.is_dir()] if root.is_dir() else []
    return sorted((box for box in found if box), key=lambda box: box.entries[0].key, reverse=True)


def mailbox(name: str) -> Mailbox | None:
    """The mailbox with that folder name; None where it never got anything."""
    folder = _folder(name)
    files = sorted(folder.glob("*.json"), reverse=True) if name.isalnum() and folder.is_dir() else []
    entries = [Entry(**json.loads(path.read_text("utf-8"))) for path in files]
    return Mailbox(name, entries[0].address, entries) if entries else None


def content(name: str, key: str) -> bytes | None:
    """The octets of a message."""
    found = mailbox(name)
    if found is None or all(entry.key != key or not entry.kept for entry in found.entries):
        return None
    return (_folder(name) / f"{key}.eml").read_bytes()


def name_of(address: str) -> str:
    """A folder name that no address can break out of."""
    return hashlib.sha256(addresses.normalise(address).encode("utf-8", "replace")).hexdigest()[:20]


def _folder(name: str) -> Path:
    return Path(settings.SANDBOX_DIR) / name
