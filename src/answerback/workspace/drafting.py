"""The composer's form in both directions: what was posted, as a `Writing`; a draft, as what stands in the composer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext, gettext_noop

from answerback.core import db
from answerback.desk.composing import drafts, rich_text
from answerback.desk.composing.drafts import Writing
from answerback.desk.composing.file_size import FilesTooLargeError
from answerback.desk.composing.new_ticket import BadTicketError
from answerback.desk.composing.submitting import WORDS, Problem
from answerback.desk.models import Draft
from answerback.people.models import Account
from answerback.tickets.models import Attachment, Comment, Ticket
from answerback.workspace.access import account_of
from answerback.workspace.prefill import Prefill
from mailroom import html as mail_html

STYLE = re.compile(r'\sstyle="[^"]*"')
DEFAULT_SEND_AS = "pending"
SEND_AS = {
    "open": gettext_noop("Send as open"),
    "pending": gettext_noop("Send as pending"),
    "solved": gettext_noop("Send as solved"),
}
TICKET_FIELDS = (
    "requester",
    "requester_name",
    "cc",
    "subject",
    "support_address",
    "assignee",
    "group",
    "follow",
    "macro",
    "placeholders",
)
EXCERPT = 60
BAD_TICKET = {
    "no_subject": gettext_noop("A ticket needs a subject."),
    "bad_address": gettext_noop("“%s” is not an e-mail address."),
    "no_support_address": gettext_noop("There is no support address yet: an administrator has to add one."),
}


@dataclass
class Typed:
    """What stands in the composer."""

    text: str = ""
    html: str = ""
    public: bool = True
    status: str = ""
    problem: str = ""
    kept: Sequence[Attachment] = ()  # uploads, and files of an earlier comment that go out again
    replaces: Sequence[int] = field(default_factory=list)  # failed deliveries this answers anew
    as_links: bool = False
    seen: int = 0  # the newest comment when the writing began
    draft_id: int | None = None
    version: int = 0
    saved_at: datetime | None = None
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def for_editor(self) -> str:
        return shown(self.html, self.kept)


@dataclass(frozen=True)
class Waiting:
    """Something the agent sent a moment ago, and can take back."""

    draft: Draft
    html: str  # as the editor shows it; "": plain text
    files: Sequence[Attachment]
    seconds: int


@dataclass(frozen=True)
class OtherDraft:
    draft: Draft
    excerpt: str


def written(request: HttpRequest) -> Writing:
    """What the form holds."""
    data = request.POST
    public = data.get("public", "1") == "1"
    status = data.get("status", DEFAULT_SEND_AS if public else "")
    text, html = db.storable(data.get("text", "")), db.storable(data.get("html", ""))
    tokens = data.getlist("keep")
    files = drafts.files(tokens, account_of(request)) if tokens else []
    if html:
        text, html = rich_text.read(html, files)
    taken_out = {file.token for file in files if not rich_text.shows(html, file)}
    return Writing(
        text=text,
        html=html,
        public=public,
        status=status if status in SEND_AS else "",
        files=[token for token in tokens if token not in taken_out],
        replaces=[int(pk) for pk in data.getlist("replaces") if pk.isdigit()],
        as_links=data.get("as_links") == "1",
        seen_comment_id=_number(data.get("seen", "")),
        fields={name: db.storable(data[name]) for name in TICKET_FIELDS if name in data},
    )


def place(request: HttpRequest) -> tuple[int | None, int]:
    """The draft the form came from, and the version of it."""
    return _number(request.POST.get("draft", "")) or None, _number(request.POST.get("version", ""))


def typed_from(writing: Writing, account: Account) -> Typed:
    return Typed(
        text=writing.text,
        html=writing.html,
        public=writing.public,
        status=writing.status,
        kept=drafts.files(writing.files, account),
        replaces=writing.replaces,
        as_links=writing.as_links,
        seen=writing.seen_comment_id,
        fields=dict(writing.fields),
    )


def shown(html: str, files: Sequence[Attachment]) -> str:
    """HTML as the editor shows it: pictures by their address, without styles, which the page forbids."""
    return STYLE.sub("", with_pictures(html, files))


def with_pictures(html: str, files: Sequence[Attachment]) -> str:
    """Sanitised HTML whose pictures can be shown: `cid:` becomes the address of the file."""
    addresses = {file.content_id: f"/attachments/{file.token}/{quote(file.file_name, safe='')}" for file in files}
    addresses.pop("", None)
    return mail_html.replace_cid(html, addresses) if addresses else html


def begun(ticket: Ticket) -> int:
    """The newest comment now: what an agent who begins to write has seen."""
    return ticket.comments.order_by("-id").values_list("pk", flat=True).first() or 0


def answered_meanwhile(ticket: Ticket, writing: Writing, account: Account) -> Comment | None:
    """A comment by somebody else that came since the writing began. Asked once: the next "send" has seen it."""
    if not (writing.public and writing.seen_comment_id):
        return None
    newer = ticket.comments.filter(pk__gt=writing.seen_comment_id).exclude(author=account.person_id)
    return newer.select_related("author").order_by("-id").first()


def typed_from_prefill(filled: Prefill) -> Typed:
    return Typed(filled.text, filled.html, kept=filled.files, replaces=list(filled.replaces), as_links=filled.as_links)


def typed_of(draft: Draft) -> Typed:
    return Typed(
        text=draft.text,
        html=draft.html,
        public=draft.public,
        status=draft.status,
        problem=problem_text(draft.problem),
        kept=drafts.files_of(draft),
        replaces=draft.replaces,
        as_links=draft.as_links,
        seen=draft.seen_comment_id,
        draft_id=draft.pk,
        version=draft.version,
        saved_at=draft.updated_at,
        fields=draft.fields,
    )


def waiting(draft: Draft, now: datetime) -> Waiting:
    assert draft.send_at is not None
    files = drafts.files_of(draft)
    return Waiting(
        draft=draft,
        html=shown(draft.html, files),
        files=[file for file in files if not file.inline],
        seconds=max(0, round((draft.send_at - now).total_seconds())),
    )


def other(draft: Draft) -> OtherDraft:
    text = " ".join((draft.fields.get("subject") or draft.text).split())
    return OtherDraft(draft, text[:EXCERPT] + "…" if len(text) > EXCERPT else text)


def problem_text(problem: str, error: Exception | None = None) -> str:
    """The sentence for a word of `submitting.Problem`; an error that says more is told with what it says."""
    if isinstance(error, BadTicketError):
        text = gettext(BAD_TICKET[error.problem])
        return text % error.what if "%s" in text else text
    if isinstance(error, FilesTooLargeError):
        return gettext(WORDS[Problem.TOO_LARGE]) % filesizeformat(error.limit)
    return gettext(WORDS[Problem(problem)]) if problem in WORDS else ""


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else 0
