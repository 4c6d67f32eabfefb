"""Tickets with their comments and audits, in Zendesk's shapes."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import IDEMPOTENT, PAGED, SORT_ORDER, doc, listed, needed, one, query
from answerback.api.errors import InvalidError
from answerback.api.once import once
from answerback.api.users import UserOut, time
from answerback.api.users import present as present_users
from answerback.desk import change as desk_change
from answerback.desk.bulk import create_tickets
from answerback.desk.bulk.create_tickets import Named
from answerback.desk.composing import upload_tokens
from answerback.desk.composing.reply import EmptyCommentError, Reply, comment_of, reply
from answerback.people.models import Account, Group, Person
from answerback.tickets import addresses
from answerback.tickets.changes import UNSET, Changes
from answerback.tickets.models import Attachment, Audit, Comment, Event, Participant, SupportAddress, Ticket
from mailroom import address as mail_addresses
from mailroom import html as mail_html

router = Router(tags=["tickets"])


class CommentIn(Schema):
    body: str = ""
    html_body: str = ""
    public: bool = True
    uploads: list[str] = []


class RequesterIn(Schema):
    name: str = ""
    email: str


class EmailCcIn(Schema):
    user_id: int | None = None
    user_email: str | None = None
    user_name: str = ""
    action: str = "put"


class TicketIn(Schema):
    """What a ticket is made from or changed by. What is not sent stays as it is."""

    subject: str | None = None
    comment: CommentIn | None = None
    description: str | None = None
    requester: RequesterIn | None = None
    requester_id: int | None = None
    recipient: str | None = None
    status: str | None = None
    priority: str | None = None
    type: str | None = None
    assignee_id: int | None = None
    assignee_email: str | None = None
    group_id: int | None = None
    tags: list[str] | None = None
    additional_tags: list[str] | None = None
    remove_tags: list[str] | None = None
    email_ccs: list[EmailCcIn] | None = None
    collaborators: list[str | int | dict[str, Any]] | None = None


class TicketBody(Schema):
    ticket: TicketIn


class TicketHealth(Schema):
    """`ok`, `trying`, `failed` (an answer) or `automatic` (only automatic mail)."""

    delivery_health: str


class TicketOut(Schema):
    id: int
    url: str
    external_id: str | None
    via: dict[str, Any]
    created_at: str
    updated_at: str
    type: str | None
    subject: str
    raw_subject: str
    description: str
    priority: str | None
    status: str
    recipient: str
    requester_id: int
    submitter_id: int
    assignee_id: int | None
    group_id: int | None
    organization_id: int | None
    collaborator_ids: list[int]
    email_cc_ids: list[int]
    follower_ids: list[int]
    followup_ids: list[int]
    problem_id: int | None
    has_incidents: bool
    is_public: bool
    due_at: str | None
    tags: list[str]
    custom_fields: list[Any]
    fields: list[Any]
    allow_attachments: bool
    answerback: TicketHealth


class AttachmentOut(Schema):
    id: int
    url: str
    file_name: str
    content_url: str
    content_type: str
    size: int
    inline: bool
    deleted: bool
    thumbnails: list[Any]


class CommentOut(Schema):
    id: int
    type: str
    author_id: int
    body: str
    plain_body: str
    html_body: str
    public: bool
    attachments: list[AttachmentOut]
    audit_id: int
    via: dict[str, Any]
    created_at: str
    metadata: dict[str, Any]


class AuditOut(Schema):
    """`events` hold what their `type` needs; clients leave out types that they do not know."""

    id: int
    ticket_id: int
    created_at: str
    author_id: int
    via: dict[str, Any]
    metadata: dict[str, Any]
    events: list[dict[str, Any]]


class ChangeAnswer(Schema):
    ticket: TicketOut
    audit: AuditOut | None


_USERS: dict[str, Any] = {"users": (list[UserOut] | None, None)}
TicketList = listed("tickets", TicketOut, **_USERS)
TicketAnswer = one("ticket", TicketOut, **_USERS)
CommentList = listed("comments", CommentOut, **_USERS)
AuditList = listed("audits", AuditOut)
INCLUDE = query("include", "users: puts the people beside", enum=["users", "None"])
_NEW = {
    "ticket": {
        "subject": "Your order",
        "comment": {"body": "It left today."},
        "requester": {"name": "Anna Berg", "email": "anna@example.org"},
    }
}
_ANSWER = {"ticket": {"comment": {"body": "It is on its way.", "public": True}, "status": "solved"}}


@router.get("/tickets", **doc(TicketList, takes=(*PAGED, INCLUDE)))
def list_tickets(request: HttpRequest) -> HttpResponse:
    """Tickets by id"""
    return paging.answer(request, Ticket.objects.all(), "tickets", present, beside=partial(beside, request))


@router.get("/tickets/show_many", **doc(TicketList, takes=(needed(query("ids", "a comma list")), INCLUDE)))
def show_many_tickets(request: HttpRequest) -> HttpResponse:
    """Several tickets by id"""
    rows = Ticket.objects.filter(pk__in=paging.ids(request.GET.get("ids", ""))).order_by("id")[: paging.MOST]
    found = list(rows)
    envelope = {"count": len(found), "next_page": None, "previous_page": None}
    return JsonResponse({"tickets": present(found)} | envelope | beside(request, found))


@router.post("/tickets", **doc(ChangeAnswer, status=201, takes=IDEMPOTENT, example=_NEW, faults=(404, 422)))
def create_ticket(request: HttpRequest, body: TicketBody) -> HttpResponse:
    """Make a ticket

    The first comment is mailed to requester and CCs by the same triggers as in the workspace.
    """
    return once(request, lambda: _create(body.ticket, caller(request)))


@router.get("/tickets/{int:ticket_id}", **doc(TicketAnswer, takes=(INCLUDE,), faults=(404,)))
def show_ticket(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """One ticket"""
    ticket = Ticket.objects.get(pk=ticket_id)
    return JsonResponse({"ticket": present([ticket])[0]} | beside(request, [ticket]))


@router.put("/tickets/{int:ticket_id}", **doc(ChangeAnswer, takes=IDEMPOTENT, example=_ANSWER, faults=(404, 422)))
def update_ticket(request: HttpRequest, ticket_id: int, body: TicketBody) -> HttpResponse:
    """Change a ticket and, with `comment`, answer it

    `audit` is null where nothing changed.
    """
    return once(request, lambda: _update(ticket_id, body.ticket, caller(request)))


@router.get(
    "/tickets/{int:ticket_id}/comments",
    **doc(CommentList, takes=(*PAGED, INCLUDE, query("sort", "-created_at: newest first"), SORT_ORDER), faults=(404,)),
)
def list_comments(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The comments of a ticket"""
    rows = Ticket.objects.get(pk=ticket_id).comments.all()
    newest_first = request.GET.get("sort") == "-created_at" or request.GET.get("sort_order") == "desc"
    return paging.answer(request, rows, "comments", present_comments, newest_first=newest_first)


@router.get("/tickets/{int:ticket_id}/audits", **doc(AuditList, takes=PAGED, faults=(404,)))
def list_audits(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The updates of a ticket, with their events"""
    rows = Ticket.objects.get(pk=ticket_id).audits.all()
    return paging.answer(request, rows, "audits", present_audits)


def present(tickets: list[Ticket]) -> list[dict[str, Any]]:
    """In three queries, whatever their number."""
    rows = Ticket.objects.filter(pk__in=[ticket.pk for ticket in tickets])
    related = rows.select_related("assignee", "support_address").prefetch_related("tags", "participants")
    found = {row.pk: row for row in related}
    first = _descriptions(list(found))
    return [_present(found[ticket.pk], first.get(ticket.pk)) for ticket in tickets]


def present_comments(comments: list[Comment]) -> list[dict[str, Any]]:
    rows = Comment.objects.filter(pk__in=[comment.pk for comment in comments]).prefetch_related("attachments")
    found = {row.pk: row for row in rows}
    return [_present_comment(found[comment.pk]) for comment in comments]


def present_audits(audits: list[Audit]) -> list[dict[str, Any]]:
    rows = Audit.objects.filter(pk__in=[audit.pk for audit in audits]).prefetch_related("events")
    found = {row.pk: row for row in rows}
    comments = {row.pk: row for row in Comment.objects.filter(audit__in=list(found))}
    return [_present_audit(found[audit.pk], comments) for audit in audits]


def job_options(sent: TicketIn) -> dict[str, Any]:
    """What a job over many tickets does to each: the options of `desk.bulk.update_tickets`."""
    given = sent.model_fields_set
    options: dict[str, Any] = {
        "status": _word(sent.status, "status", Ticket.Status.values),
        "priority": _word(sent.priority, "priority", Ticket.Priority.values),
        "type": _word(sent.type, "type", Ticket.Type.values),
        "set_tags": sent.tags,
        "add_tags": sent.additional_tags,
        "remove_tags": sent.remove_tags,
    }
    options = {name: value for name, value in options.items() if value}
    if given & {"assignee_id", "assignee_email"}:
        options["assignee"] = account.pk if (account := _assignee(sent)) else None
    if "group_id" in given:
        options["group"] = Group.objects.get(pk=sent.group_id).pk if sent.group_id else None
    if sent.comment:
        text = sent.comment.body or mail_html.to_text(sent.comment.html_body)
        options["comment"] = {"text": text, "html": sent.comment.html_body, "public": sent.comment.public}
    return options


def new_ticket(sent: TicketIn, by: Account) -> dict[str, Any]:
    """The ticket that was sent, checked but not made: the options of `desk.bulk.create_tickets`.

    InvalidError, Group.DoesNotExist, Person.DoesNotExist.
    """
    comment = sent.comment or (CommentIn(body=sent.description) if sent.description else None)
    if comment is None or not (comment.body or comment.html_body).strip():
        raise InvalidError(base="Description: cannot be blank")
    first = comment_of(by.person, _reply(comment, by))
    assignee = _assignee(sent)
    return {
        "subject": sent.subject or comment.body.strip().partition("\n")[0][:80],
        "requester": _requester(sent) or by.person_id,
        "support_address": _support_address(sent.recipient).pk,
        "via": "api",
        "status": _word(sent.status, "status", Ticket.Status.values) or str(Ticket.Status.NEW),
        "priority": _word(sent.priority, "priority", Ticket.Priority.values),
        "type": _word(sent.type, "type", Ticket.Type.values),
        "assignee": assignee.pk if assignee else None,
        "group": Group.objects.get(pk=sent.group_id).pk if sent.group_id else None,
        "tags": sent.tags or [],
        "ccs": _ccs(sent)[0],
        "text": first.text,
        "html": first.html,
        "public": first.public,
        "files": [file.pk for file in first.attachments if isinstance(file, Attachment)],
    }


def _create(sent: TicketIn, by: Account) -> HttpResponse:
    audit = create_tickets.make(new_ticket(sent, by), by)
    answer = JsonResponse(_with_audit(audit), status=201)
    answer.headers["Location"] = paging.url(f"tickets/{audit.ticket_id}.json")
    return answer


def _update(ticket_id: int, sent: TicketIn, by: Account) -> HttpResponse:
    changes = _changes(sent)
    if sent.comment:
        try:
            audit: Audit | None = reply(ticket_id, _reply(sent.comment, by), by, "api", changes)
        except EmptyCommentError:
            raise InvalidError(comment="Comment: cannot be blank") from None
    else:
        audit = desk_change.change(ticket_id, changes, by, "api")
    if audit is None:
        ticket = Ticket.objects.get(pk=ticket_id)
        return JsonResponse({"ticket": present([ticket])[0], "audit": None})
    return JsonResponse(_with_audit(audit))


def _changes(sent: TicketIn) -> Changes:
    given = sent.model_fields_set
    requester = _requester(sent)
    put, delete = _ccs(sent)
    return Changes(
        subject=sent.subject if sent.subject else UNSET,
        status=_word(sent.status, "status", Ticket.Status.values) if sent.status else UNSET,
        priority=_word(sent.priority, "priority", Ticket.Priority.values) if "priority" in given else UNSET,
        type=_word(sent.type, "type", Ticket.Type.values) if "type" in given else UNSET,
        assignee=_assignee(sent) if given & {"assignee_id", "assignee_email"} else UNSET,
        group=(Group.objects.get(pk=sent.group_id) if sent.group_id else None) if "group_id" in given else UNSET,
        requester=UNSET if requester is None else create_tickets.person_of(requester),
        set_tags=sent.tags if sent.tags is not None else UNSET,
        add_tags=sent.additional_tags or (),
        remove_tags=sent.remove_tags or (),
        add_ccs=[create_tickets.person_of(named) for named in put],
        remove_ccs=[create_tickets.person_of(named) for named in delete],
    )


def _reply(comment: CommentIn, by: Account) -> Reply:
    try:
        files = upload_tokens.take(comment.uploads, by)
    except upload_tokens.UnknownUploadError as error:
        raise InvalidError(uploads=f"Uploads: nothing waits under {error}") from None
    return Reply(
        text=comment.body or mail_html.to_text(comment.html_body),
        public=comment.public,
        html=comment.html_body,
        attachments=files,
    )


def _support_address(recipient: str | None) -> SupportAddress:
    if recipient:
        found = addresses.support_address_for(recipient)
        if found is None:
            raise InvalidError(recipient=f"Recipient: {recipient} is not a support address")
        return found[0]
    support = addresses.default_support_address()
    if support is None:
        raise InvalidError(recipient="There is no support address yet: an admin adds one under /admin/")
    return support


def _requester(sent: TicketIn) -> Named | None:
    if sent.requester:
        return _named(sent.requester.email, sent.requester.name, "requester")
    return Person.objects.get(pk=sent.requester_id).pk if sent.requester_id else None


def _ccs(sent: TicketIn) -> tuple[list[Named], list[Named]]:
    """Whom to add and whom to remove."""
    put: list[Named] = []
    delete: list[Named] = []
    for cc in sent.email_ccs or []:
        (delete if cc.action == "delete" else put).append(_cc(cc))
    put += [_collaborator(named) for named in sent.collaborators or []]
    return put, delete


def _cc(cc: EmailCcIn) -> Named:
    if cc.user_id:
        return Person.objects.get(pk=cc.user_id).pk
    return _named(cc.user_email or "", cc.user_name, "email_ccs")


def _collaborator(one: str | int | dict[str, Any]) -> Named:
    if isinstance(one, int):
        return Person.objects.get(pk=one).pk
    if isinstance(one, dict):
        return _named(str(one.get("email", "")), str(one.get("name", "")), "collaborators")
    return _named(one, "", "collaborators")


def _named(email: str, name: str, field: str) -> Named:
    if mail_addresses.syntax_problem(email):
        raise InvalidError(**{field: f"Email: {email} is not properly formatted"})
    return {"address": email, "name": name}


def _assignee(sent: TicketIn) -> Account | None:
    rows = Account.objects.filter(is_active=True)
    if sent.assignee_email:
        found = rows.filter(email__iexact=sent.assignee_email).first()
    elif sent.assignee_id:
        found = rows.filter(person_id=sent.assignee_id).first()
    else:
        return None
    if found is None:
        raise InvalidError(assignee="Assignee: is not an agent")
    return found


def _word(value: str | None, field: str, allowed: Any) -> str:
    if not value:
        return ""
    if value not in allowed:
        raise InvalidError(**{field: f"{field.capitalize()}: {value} is not one of {', '.join(sorted(allowed))}"})
    return value


def _with_audit(audit: Audit) -> dict[str, Any]:
    ticket = Ticket.objects.get(pk=audit.ticket_id)
    return {"ticket": present([ticket])[0], "audit": present_audits([audit])[0]}


def beside(request: HttpRequest, tickets: list[Ticket]) -> dict[str, Any]:
    """What `include` asks for: people of all these tickets."""
    if "users" not in request.GET.get("include", ""):
        return {}
    ids = {ticket.requester_id for ticket in tickets} | {ticket.submitter_id for ticket in tickets}
    return {"users": present_users(list(Person.objects.filter(pk__in=ids)))}


def _descriptions(ticket_ids: list[int]) -> dict[int, str]:
    """The first comment's text of each."""
    rows = Comment.objects.filter(ticket_id__in=ticket_ids).order_by("ticket_id", "-id")
    return dict(rows.values_list("ticket_id", "text"))


def _present(ticket: Ticket, description: str | None) -> dict[str, Any]:
    ccs = [row for row in ticket.participants.all() if row.role == Participant.Role.CC]
    return {
        "url": paging.url(f"tickets/{ticket.pk}.json"),
        "id": ticket.pk,
        "external_id": None,
        "via": {"channel": ticket.via, "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": time(ticket.created_at),
        "updated_at": time(ticket.updated_at),
        "type": ticket.type or None,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": description or "",
        "priority": ticket.priority or None,
        "status": ticket.status,
        "recipient": ticket.support_address.address,
        "requester_id": ticket.requester_id,
        "submitter_id": ticket.submitter_id,
        "assignee_id": ticket.assignee.person_id if ticket.assignee else None,
        "group_id": ticket.group_id,
        "organization_id": None,
        "collaborator_ids": [row.person_id for row in ccs],
        "email_cc_ids": [row.person_id for row in ccs if row.confirmed],
        "follower_ids": [],
        "followup_ids": [],
        "problem_id": None,
        "has_incidents": False,
        "is_public": True,
        "due_at": None,
        "tags": sorted(tag.name for tag in ticket.tags.all()),
        "custom_fields": [],
        "fields": [],
        "allow_attachments": True,
        "answerback": {"delivery_health": ticket.delivery_health or "ok"},
    }


def _present_comment(comment: Comment) -> dict[str, Any]:
    html = comment.html or mail_html.from_text(comment.text)
    return {
        "id": comment.pk,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.text,
        "plain_body": comment.text,
        "html_body": html,
        "public": comment.public,
        "attachments": [present_attachment(row) for row in comment.attachments.all()],
        "audit_id": comment.audit_id,
        "via": {"channel": comment.via, "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": time(comment.created_at),
        "metadata": {"system": {}, "custom": {}},
    }


def present_attachment(row: Attachment) -> dict[str, Any]:
    return {
        "id": row.pk,
        "url": paging.url(f"attachments/{row.pk}.json"),
        "file_name": row.file_name,
        "content_url": f"{settings.BASE_URL}/attachments/{row.token}/{quote(row.file_name, safe='')}",
        "content_type": row.content_type,
        "size": row.size,
        "inline": row.inline,
        "deleted": False,
        "thumbnails": [],
    }


def _present_audit(audit: Audit, comments: dict[int, Comment]) -> dict[str, Any]:
    return {
        "id": audit.pk,
        "ticket_id": audit.ticket_id,
        "created_at": time(audit.created_at),
        "author_id": audit.author_id or -1,
        "via": {"channel": audit.via, "source": {"from": {}, "to": {}, "rel": None}},
        "metadata": {"system": {}, "custom": {}},
        "events": [_present_event(event, comments) for event in audit.events.all()],
    }


def _present_event(event: Event, comments: dict[int, Comment]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": event.pk, "type": event.kind}
    if event.kind == Event.Kind.COMMENT and (comment := comments.get(event.data["comment_id"])):
        return shown | {"author_id": comment.author_id, "body": comment.text, "public": comment.public}
    if event.kind == Event.Kind.NOTIFICATION:
        source = {"from": {"id": event.data["trigger_id"], "title": event.data["trigger_title"]}, "rel": "trigger"}
        return shown | {
            "recipients": event.data["recipients"],
            "via": {"channel": "rule", "source": source},
        }
    if event.field:
        shown["field_name"] = event.field
    return shown | event.data
