"""What stands on every page of the workspace: views with counts, the health dot, the bar when sending is down, notices,
jobs.

All of it is lazy: an answer to a part of a page that shows none of it costs no query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, gettext_noop

from answerback.desk import jobs
from answerback.desk.telling import notices
from answerback.outbound import lanes
from answerback.people.models import Account
from answerback.reports import sending
from answerback.search import views
from answerback.search.models import View
from answerback.store import dismiss

ALARMING = {"undelivered", "my-undelivered"}
DELIVERY_VIEWS = ("undelivered", "my-undelivered", "trying", "undelivered-automatic", "failures")
# the blocks of the left column: heading and the keys that stand under it; own and shared views follow
BLOCKS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("tickets", gettext_noop("Tickets"), ("my-open", "unassigned", "open", "solved")),
    (
        "delivery",
        gettext_noop("Delivery"),
        ("undelivered", "my-undelivered", "trying", "undelivered-automatic", "failures"),
    ),
)
HEALTH_WORDS = {
    "fine": gettext_noop("everything is being sent"),
    "waiting": gettext_noop("some mail is waiting"),
    "blind": gettext_noop("failure reports do not reach us"),
    "alarm": gettext_noop("a destination does worse than usual"),
    "down": gettext_noop("our mail server refuses us"),
}


@dataclass(frozen=True)
class Link:
    title: str
    url: str
    count: int
    current: bool
    alarm: bool

    @property
    def count_text(self) -> str:
        if not self.count:
            return ""
        return f"{views.COUNTED}+" if self.count > views.COUNTED else str(self.count)


@dataclass(frozen=True)
class Block:
    key: str
    title: str
    links: list[Link]


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor."""
    account = getattr(request, "user", None)
    theme = account.theme if isinstance(account, Account) else request.COOKIES.get("answerback_theme", "system")
    context: dict[str, Any] = {"theme": theme, "sandbox": settings.SANDBOX}
    if not getattr(account, "is_authenticated", False):
        return context
    assert account is not None
    return context | {
        "view_blocks": SimpleLazyObject(lambda: view_blocks(account, request.path)),
        "sending_down_since": SimpleLazyObject(lanes.sending_is_down),
        "is_way_out_missing": SimpleLazyObject(lanes.is_way_out_missing),
        "health": SimpleLazyObject(health),
        "unread_notices": SimpleLazyObject(lambda: notices.count_unread(account)),
        "unprocessed_count": SimpleLazyObject(unprocessed_count),
        "running_jobs": SimpleLazyObject(jobs.running),
    }


def title_of(view: View) -> str:
    """System views speak the reader's language."""
    return gettext(view.title) if view.key else view.title


def url_of(view: View) -> str:
    return f"/views/{view.key or view.pk}"


def view_blocks(account: Account, path: str) -> list[Block]:
    """The left column: three queries, whatever stands in it."""
    rows = views.visible_to(account)
    counts = views.counts(rows, account)
    links = {
        view.key or str(view.pk): Link(
            title_of(view), url_of(view), counts.get(view.pk, 0), path == url_of(view), view.key in ALARMING
        )
        for view in rows
    }
    placed = {key for _, _, keys in BLOCKS for key in keys}
    blocks = [Block(key, gettext(title), [links[k] for k in links if k in keys]) for key, title, keys in BLOCKS]
    others = [link for key, link in links.items() if key not in placed]
    return [*blocks, Block("own", gettext("More views"), others)]


def block_of(view: View) -> str:
    """Where in the left column the view stands. Under "More views" one's own come last."""
    for key, _title, keys in BLOCKS:
        if view.key in keys:
            return key
    return "shared" if view.owner_id is None else "own"


def health() -> dict[str, str]:
    state = sending.health()
    return {"state": state, "words": gettext(HEALTH_WORDS[state])}


def unprocessed_count() -> int:
    return dismiss.waiting().count()
