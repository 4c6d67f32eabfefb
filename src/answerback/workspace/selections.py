"""What was chosen in a list, as the items of a job: rows with a mark, a whole view or search, a group of failures.

The page that asks "really?" carries the ids themselves, so that what was confirmed is what happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest, QueryDict

from answerback.desk.bulk import targets
from answerback.desk.bulk.targets import Target
from answerback.outbound import failures
from answerback.people.models import Account
from answerback.search import find, query, views
from answerback.workspace.access import account_of

MOST = 10_000  # items of one job
SOURCE_FIELDS = ("view", "title", "q", "cause", "domain", "destination", "held")


@dataclass(frozen=True)
class Selection:
    items: Sequence[Target]
    source: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # there would have been more than MOST

    @property
    def ticket_ids(self) -> str:
        """For the form, where no item is about a certain mail."""
        return ",".join(str(item.ticket_id) for item in self.items if item.delivery_id is None)

    @property
    def delivery_ids(self) -> str:
        return ",".join(str(item.delivery_id) for item in self.items if item.delivery_id)


def read(request: HttpRequest, kind: str) -> Selection:
    """What the form of a list, of a group of failures, or of the confirmation says."""
    post = request.POST
    source = {name: post[name] for name in SOURCE_FIELDS if name in post}
    if "among" in post:
        items = targets.of_deliveries(kind, _of_group(post))
    elif post.get("whole"):
        items = targets.of_tickets(kind, _whole(post, account_of(request)))
    else:
        items = targets.of_deliveries(kind, _ids(post, "deliveries")) + targets.of_tickets(kind, _ids(post, "tickets"))
    return Selection(items[:MOST], source, len(items) > MOST)


def _ids(post: QueryDict, name: str) -> list[int]:
    """Of check boxes, or of one field with commas."""
    words = [word for value in post.getlist(name) for word in value.split(",")]
    return [int(word) for word in words if word.isdecimal() and len(word) < 19][: MOST + 1]


def _whole(post: QueryDict, account: Account) -> list[int]:
    """All tickets of the view or the search, newest first."""
    if "view" in post:
        view = views.find(post.get("view", ""), account)
        rows = views.tickets(view, account) if view else None
    else:
        rows = find.tickets(query.parse(post.get("q", ""), account), MOST + 1)
    return list(rows.order_by("-id").values_list("pk", flat=True)[: MOST + 1]) if rows is not None else []


def _of_group(post: QueryDict) -> list[int]:
    if held := post.get("held", ""):
        return list(failures.held_by_rules(held).order_by("id").values_list("pk", flat=True)[: MOST + 1])
    wanted = failures.Wanted(
        cause=post.get("cause"),
        domain=post.get("domain", ""),
        destination=post.get("destination", ""),
        since=_moment(post.get("since", "")),
        until=_moment(post.get("until", "")),
    )
    return list(failures.open_failures(wanted).order_by("-updated_at").values_list("pk", flat=True)[: MOST + 1])


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
