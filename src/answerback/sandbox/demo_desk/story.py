"""What the story files say, as values. A story is one conversation: steps, each some time after the one before.

Times are written as people say them: "19d 08:41" is that many days ago at that time of day, "50m" is that long ago;
between steps "2h 10m", "40s". A word that no step knows, or a story that would reach into the future, is an error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

FOLDER = Path(__file__).with_name("stories")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SPAN = re.compile(r"(\d+)([dhms])")
_DAY = re.compile(r"(\d+)d (\d\d):(\d\d)")

Says = Mapping[str, Sequence[str]]  # key in the cast -> what the server says to each try; see servers.py


@dataclass(frozen=True, kw_only=True)
class Step:
    after: str  # since the step before; since `begins` for the first
    says: Says = field(default_factory=dict)  # to the mail that this step sets off; accepted where nothing is said


@dataclass(frozen=True, kw_only=True)
class Writes(Step):
    """A customer writes: an answer where they have a mail of this conversation, else a new mail."""

    by: str
    text: str
    subject: str = ""
    html: str = ""
    address: str = ""  # which of theirs; "" = the first
    to: str = ""  # language of the support address, for a new mail
    cc: Sequence[str] = ()
    files: Sequence[str] = ()
    inline: Sequence[str] = ()  # shown in the HTML as cid:NAME
    quotes: bool = False
    anew: bool = False  # not as an answer, although they could
    proven: bool = True  # comes from where their domain sends from


@dataclass(frozen=True, kw_only=True)
class Opens(Step):
    """An agent begins the conversation."""

    by: str
    whom: str
    subject: str
    text: str
    to: str  # language of the support address that it leaves from
    cc: Sequence[str] = ()
    files: Sequence[str] = ()
    status: str = "pending"
    tags: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Answers(Step):
    """An agent's public comment."""

    by: str
    text: str
    html: str = ""
    status: str = "pending"
    files: Sequence[str] = ()
    cc: Sequence[str] = ()  # added to the ticket
    replaces: Sequence[str] = ()  # whom an earlier answer did not reach, and this one is for


@dataclass(frozen=True, kw_only=True)
class Notes(Step):
    """An internal note."""

    by: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Changes(Step):
    """Fields of the ticket."""

    by: str
    status: str = ""
    priority: str = ""
    type: str = ""
    assignee: str = ""
    group: str = ""
    tags: Sequence[str] = ()
    confirms: Sequence[str] = ()  # CCs that wait for a click


@dataclass(frozen=True, kw_only=True)
class Returns(Step):
    """Something comes back that the played internet's table of fates knows, for the newest mail to `whom`."""

    whom: str
    fate: str
    report: str = ""  # the server's words, where not those of the table


@dataclass(frozen=True, kw_only=True)
class Corrects(Step):
    by: str
    whom: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Resends(Step):
    by: str
    whom: str


@dataclass(frozen=True, kw_only=True)
class Handles(Step):
    by: str
    whom: str
    text: str
    by_phone: bool = False


@dataclass(frozen=True, kw_only=True)
class Stops(Step):
    by: str
    whom: str


@dataclass(frozen=True, kw_only=True)
class Holds(Step):
    """A rule holds the newest mail to `whom`, which is queued still."""

    whom: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class Expires(Step):
    """Time is up for what still waits for `whom`."""

    whom: str


@dataclass(frozen=True, kw_only=True)
class Arrives(Step):
    """Mail that makes no ticket; `oddity` names it in oddities.py."""

    oddity: str


@dataclass(frozen=True)
class Story:
    key: str
    begins: str
    steps: Sequence[Step]

    VERBS: ClassVar[Mapping[str, type[Step]]] = {
        step.__name__.lower(): step
        for step in (
            Writes, Opens, Answers, Notes, Changes, Returns, Corrects, Resends, Handles, Stops, Holds, Expires, Arrives,
        )
    }  # fmt: skip

    def moments(self, now: datetime) -> list[datetime]:
        """When each step happens; `now` in the time zone that days are counted in."""
        moment, found = _beginning(self.begins, now), []
        for step in self.steps:
            moment += span(step.after)
            found.append(moment)
        if moment > now:
            raise ValueError(f"story {self.key!r} ends in the future")
        return found


@lru_cache(maxsize=1)
def load() -> tuple[Story, ...]:
    """Every story of every file."""
    return tuple(_story(entry) for path in sorted(FOLDER.glob("*.toml")) for entry in _read(path)["story"])


def span(text: str) -> timedelta:
    """ "2h 10m" """
    parts = _SPAN.findall(text)
    if not parts or " ".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no span of time")
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in parts})


def _beginning(text: str, now: datetime) -> datetime:
    if found := _DAY.fullmatch(text):
        days, hour, minute = map(int, found.groups())
        return (now - timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return now - span(text)


def _story(entry: dict[str, Any]) -> Story:
    try:
        steps = [_step(dict(step)) for step in entry["step"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"story {entry.get('key')!r}: {error}") from error
    return Story(entry["key"], entry["begins"], steps)


def _step(entry: dict[str, Any]) -> Step:
    texts = {name: entry[name].strip() for name in ("text", "html") if name in entry}
    return Story.VERBS[entry.pop("does")](**(entry | texts))


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)
