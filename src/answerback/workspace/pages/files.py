"""Files that went out as links: the one page that customers open. The token is the key; nobody signs in.

Policy: always a download, never shown, under a type that no browser runs. Looking (HEAD) is not counted. A link that
has ended says so, until when it worked, and whom to ask; it does not tell the file's name.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from answerback.store import blobs
from answerback.tickets import file_links
from answerback.tickets.models import FileLink
from answerback.workspace import conversation
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages import ticket as ticket_page

_SAFE_TYPE = "application/octet-stream"
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@require_safe
def shared_file(request: HttpRequest, token: str) -> HttpResponseBase:
    link = _find(token)
    response = _ended(request, link) if link.ended else _download(request, link)
    for name, value in _HEADERS.items():
        response.headers[name] = value
    return response


@agent_required
@require_POST
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """The agent's button below the comment: the link ends now."""
    link = _find(token)
    if file_links.withdraw(link, account_of(request)):
        messages.success(request, _("The link is withdrawn. Whoever opens it is told so."))
    else:
        messages.info(request, _("The link had ended already."))
    comment = link.attachment.comment
    ticket = conversation.find_ticket(comment.ticket_id) if comment else None
    if ticket and request.headers.get("HX-Request"):
        return ticket_page.parts(request, ticket)
    return redirect(f"/tickets/{ticket.pk}" if ticket else "/")


def _find(token: str) -> FileLink:
    link = file_links.find(token)
    if link is None:
        raise Http404
    return link


def _download(request: HttpRequest, link: FileLink) -> HttpResponseBase:
    file = link.attachment
    try:
        content = blobs.path(file.blob).open("rb")
    except OSError:
        raise Http404 from None
    if request.method == "GET":
        file_links.count_download(link)
    response = FileResponse(content, content_type=_SAFE_TYPE)
    response.headers["Content-Disposition"] = content_disposition_header(True, file.file_name) or "attachment"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _ended(request: HttpRequest, link: FileLink) -> HttpResponse:
    comment = link.attachment.comment
    context = {"link": link, "support": comment.ticket.support_address if comment else None}
    return render(request, "files/ended.html", context, status=410)
