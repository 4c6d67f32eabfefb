"""What one is told: the list, the menu under the bell, and the number on it."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from answerback.desk.models import Notice
from answerback.desk.telling import notices as desk_notices
from answerback.people.models import Account
from answerback.workspace import keyset, lane_words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages.sign_in import safe_next

IN_MENU = 8


@agent_required
def notices(request: HttpRequest) -> HttpResponse:
    """`show=unread` leaves out what was read or put right."""
    only_unread = request.GET.get("show") == "unread"
    rows = _rows(account_of(request))
    if only_unread:
        rows = rows.filter(read_at__isnull=True, settled_at__isnull=True)
    context = {"page": keyset.page(request, rows, "at"), "only_unread": only_unread}
    return render(request, "notices/page.html", context)


@agent_required
def menu(request: HttpRequest) -> HttpResponse:
    """The newest, for the menu under the bell."""
    rows = _rows(account_of(request)).order_by("-at", "-pk")[:IN_MENU]
    return render(request, "notices/_menu.html", {"rows": rows})


@agent_required
def news(request: HttpRequest) -> HttpResponse:
    """The number on the bell, and its words for who cannot see it."""
    return render(request, "frame/_notice_news.html", {"oob": True})


@agent_required
def follow(request: HttpRequest, notice_id: int) -> HttpResponse:
    """To what the notice is about; it counts as read."""
    account = account_of(request)
    notice = get_object_or_404(Notice, pk=notice_id, account=account)
    desk_notices.read(account, [notice.pk])
    return redirect(target_of(notice))


@agent_required
@require_POST
def mark(request: HttpRequest) -> HttpResponse:
    """`act`: read or unread one notice, or read all."""
    account = account_of(request)
    number = request.POST.get("notice", "")
    notice_id = int(number) if number.isdigit() else 0
    match request.POST.get("act"):
        case "read":
            desk_notices.read(account, [notice_id])
        case "unread":
            desk_notices.mark_unread(account, notice_id)
        case "all":
            desk_notices.read_all(account)
    return redirect(safe_next(request, "/notices"))


def target_of(notice: Notice) -> str:
    """The comment whose mail failed, the job, the webhook, the destination, the way back, the draft, or the ticket."""
    if notice.kind == Notice.Kind.JOB:
        return f"/jobs/{notice.data['job_id']}"
    if notice.kind == Notice.Kind.WEBHOOK:
        return f"/admin/webhooks/{notice.data['webhook_id']}"
    if notice.kind == Notice.Kind.LANE:
        return lane_words.address(notice.data["destination"])
    if notice.kind == Notice.Kind.WAY_BACK:
        return "/delivery#way-back"
    if notice.ticket_id is None:
        return f"/tickets/new?draft={notice.data['draft_id']}" if "draft_id" in notice.data else "/notices"
    return f"/tickets/{notice.ticket_id}" + (f"#comment-{notice.comment_id}" if notice.comment_id else "")


def _rows(account: Account) -> QuerySet[Notice]:
    return Notice.objects.filter(account=account).select_related("ticket")
