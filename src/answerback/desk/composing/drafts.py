"""What agents write, kept on the server while they type. The one writer of `Draft`.

Policy: nothing that was typed is lost. A save names the version it began from; where another window or another machine
was quicker, what comes now is kept as a draft of its own, and the caller is told of the other one. Pressing "send"
sets a time a few seconds ahead, until which it can be taken back; `desk.composing.submitting` does the rest. Sent
drafts stay for a day, so that a late save of the same words is known for what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from answerback.core import clock, live
from answerback.desk.models import Draft
from answerback.people.models import Account
from answerback.tickets.models import Attachment
from mailroom import html as mail_html

SENT_KEPT = timedelta(days=1)
TICKETS_TOPIC = "tickets"


@dataclass(frozen=True)
class Writing:
    """What stands in the composer. `html` is sanitised here; "" means plain text."""

    text: str = ""
    html: str = ""
    public: bool = True
    status: str = ""
    files: Sequence[str] = ()  # tokens of attachments
    replaces: Sequence[int] = ()
    as_links: bool = False
    seen_comment_id: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)  # of a ticket that is not there yet

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.html or self.files or any(self.fields.get(name) for name in TYPED_FIELDS))


TYPED_FIELDS = ("requester", "requester_name", "cc", "subject")  # the others have a value before anybody types


@dataclass(frozen=True)
class Saved:
    """`draft`: what is kept now, None where nothing was typed. `other`: the draft that was to be written over."""

    draft: Draft | None
    other: Draft | None = None


def keep(by: Account, ticket_id: int | None, new: Writing, draft_id: int | None = None, version: int = 0) -> Saved:
    """Keep what was typed: in the draft it came from, or beside it where that one has moved on."""
    with transaction.atomic():
        row = _own(by).select_for_update().filter(pk=draft_id, ticket=ticket_id).first() if draft_id else None
        if row and row.version == version and row.send_at is None:
            return Saved(_overwrite(row, new))
        if row and _says_the_same(row, new, but=("status", "seen_comment_id")):
            return Saved(row)  # the last save while typing, overtaken by "send"
        return Saved(None if new.is_empty else _create(by, ticket_id, new), row)


def discard(draft_id: int, by: Account) -> bool:
    """Throw it away. False where it is being sent, or gone."""
    with transaction.atomic():
        row = _open(by).select_for_update().filter(pk=draft_id).first()
        if row is None:
            return False
        row.delete()
        live.publish(TICKETS_TOPIC)
    return True


def schedule(draft: Draft, seconds: int) -> datetime:
    """Send it so many seconds from now. Answers when."""
    at = clock.now() + timedelta(seconds=seconds)
    with transaction.atomic():
        Draft.objects.filter(pk=draft.pk, sent_at__isnull=True).update(send_at=at, problem="", version=F("version") + 1)
        _publish(draft)
    return at


def undo(draft_id: int, by: Account) -> Draft | None:
    """Take back what was to be sent. None where it has been sent."""
    with transaction.atomic():
        taken_back = _own(by).filter(pk=draft_id, send_at__isnull=False, sent_at__isnull=True)
        if not taken_back.update(send_at=None, version=F("version") + 1):
            return None
        draft = Draft.objects.get(pk=draft_id)
        _publish(draft)
    return draft


def mark_sent(draft: Draft, ticket_id: int) -> bool:
    """Belongs into the transaction that makes the comment. False where somebody else was quicker."""
    return bool(
        Draft.objects.filter(pk=draft.pk, sent_at__isnull=True).update(sent_at=clock.now(), ticket_id=ticket_id)
    )


def give_back(draft: Draft, problem: str) -> None:
    """It could not be sent: a draft again, with the reason."""
    with transaction.atomic():
        Draft.objects.filter(pk=draft.pk, sent_at__isnull=True).update(
            send_at=None, problem=problem, version=F("version") + 1
        )
        _publish(draft)


def forget_sent() -> int:
    return Draft.objects.filter(sent_at__lt=clock.now() - SENT_KEPT).delete()[0]


# Reading


def find(draft_id: int, by: Account) -> Draft | None:
    return _own(by).filter(pk=draft_id).first()


def of_ticket(ticket_id: int | None, by: Account) -> list[Draft]:
    """What the agent has not sent yet, the newest first; also what is about to be (`send_at`)."""
    return list(_own(by).filter(ticket=ticket_id, sent_at__isnull=True).order_by("-updated_at", "-id"))


def tickets_with_one(ticket_ids: Sequence[int], by: Account) -> set[int]:
    found = _open(by).filter(ticket__in=ticket_ids).values_list("ticket_id", flat=True)
    return {ticket_id for ticket_id in found if ticket_id is not None}


def files_of(draft: Draft) -> list[Attachment]:
    return files(draft.files, draft.account)


def files(tokens: Sequence[str], by: Account) -> list[Attachment]:
    """The attachments of these tokens, in that order: own uploads, and files of comments."""
    allowed = Attachment.objects.filter(Q(comment__isnull=False) | Q(uploaded_by=by), token__in=tokens)
    rows = {row.token: row for row in allowed.select_related("blob")}
    return [rows[token] for token in dict.fromkeys(tokens) if token in rows]


def _own(by: Account) -> QuerySet[Draft]:
    return Draft.objects.filter(account=by)


def _open(by: Account) -> QuerySet[Draft]:
    return _own(by).filter(send_at__isnull=True, sent_at__isnull=True)


# Writing


def _overwrite(row: Draft, new: Writing) -> Draft | None:
    if new.is_empty:
        row.delete()
        live.publish(TICKETS_TOPIC)
        return None
    if not _says_the_same(row, new):
        _fill(row, new)
        row.version += 1
        row.save()
    return row


def _create(by: Account, ticket_id: int | None, new: Writing) -> Draft:
    row = Draft(account=by, ticket_id=ticket_id, created_at=clock.now())
    _fill(row, new)
    row.save()
    live.publish(TICKETS_TOPIC)  # lists mark tickets with a draft
    return row


def _fill(row: Draft, new: Writing) -> None:
    for name, value in values(new).items():
        setattr(row, name, value)
    row.problem, row.updated_at = "", clock.now()


def _says_the_same(row: Draft, new: Writing, but: Collection[str] = ()) -> bool:
    return all(getattr(row, name) == value for name, value in values(new).items() if name not in but)


def values(new: Writing) -> dict[str, object]:
    return {
        "text": new.text,
        "html": mail_html.sanitise(new.html),
        "public": new.public,
        "status": new.status,
        "files": list(new.files),
        "replaces": list(new.replaces),
        "as_links": new.as_links,
        "seen_comment_id": new.seen_comment_id,
        "fields": dict(new.fields),
    }


def _publish(draft: Draft) -> None:
    live.publish(f"ticket:{draft.ticket_id}" if draft.ticket_id else f"draft:{draft.pk}")
