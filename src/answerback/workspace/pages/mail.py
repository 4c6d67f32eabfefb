"""Mail as it came: the frame an HTML mail is shown in, its files, its raw source.

Policy: whatever a stranger wrote is answered under a content policy of its own that lets nothing run, and as a
download unless it is one of a few kinds of picture.
"""

from __future__ import annotations

from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header

from answerback.outbound import providers
from answerback.outbound.models import DeliveryEvent, Message
from answerback.store import blobs
from answerback.store import raw as raw_store
from answerback.store.models import RawMail
from answerback.tickets.models import Attachment, Comment
from answerback.workspace import origin_words
from answerback.workspace.access import account_of, agent_or_token_required, agent_required
from mailroom import html as mail_html

SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
RAW_SHOWN = 512 * 1024
_FRAME_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:{images}; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
_FILE_POLICY = "default-src 'none'; sandbox"
CACHED_FOR = "private, max-age=86400, immutable"


@agent_required
def comment_frame(request: HttpRequest, comment_id: int) -> HttpResponse:
    """The HTML of a mail, sanitised when it came in. `images=1`: also pictures from the Internet."""
    comment = get_object_or_404(Comment, pk=comment_id)
    html = mail_html.replace_cid(comment.html, _inline_files(comment))
    with_images = request.GET.get("images") == "1"
    html = mail_html.restore_remote_images(html) if with_images else mail_html.split_remote_images(html)[0]
    on_paper = mail_html.has_own_look(comment.html)
    response = render(request, "tickets/mail_frame.html", {"html": html, "on_paper": on_paper})
    response["Content-Security-Policy"] = _FRAME_POLICY.format(images=" https: http:" if with_images else "")
    response["Referrer-Policy"] = "no-referrer"
    return response


@agent_or_token_required
def attachment(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """A file of a comment, or an upload of one's own, by its unguessable token; `name` makes the address readable."""
    shown = Q(comment__isnull=False) | Q(uploaded_by__isnull=False, uploaded_by=request.user.pk)
    found = get_object_or_404(Attachment.objects.select_related("blob").filter(shown), token=token)
    try:
        content = blobs.path(found.blob).open("rb")
    except (OSError, blobs.MissingBlobError):
        raise Http404 from None
    inline = found.content_type in SHOWN_INLINE
    response = FileResponse(content, content_type=found.content_type if inline else "application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(not inline, found.file_name) or "attachment"
    response["Content-Security-Policy"] = _FILE_POLICY
    response["Cache-Control"] = CACHED_FOR
    return response


@agent_required
def raw(request: HttpRequest, raw_mail_id: int) -> HttpResponseBase:
    """The source of a received mail, or of a provider's events, as plain text and as a download."""
    found = get_object_or_404(RawMail, pk=raw_mail_id)
    if _is_about_an_account(found) and not account_of(request).is_admin:
        raise PermissionDenied  # the report may hold the mail, and that the link to a password
    try:
        content = raw_store.content(found)
    except blobs.MissingBlobError:
        raise Http404 from None
    provider = providers.of_doorway(found.doorway)
    if "download" in request.GET:
        response = HttpResponse(content, content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="mail-{found.pk}.{"json" if provider else "eml"}"'
        return response
    context = {
        "mail": found,
        "told_by": origin_words.told_by(provider) if provider else "",
        "source": content[:RAW_SHOWN].decode("utf-8", "replace"),
        "cut": len(content) > RAW_SHOWN,
        "section": "unprocessed",
    }
    return render(request, "mail/raw.html", context)


def _is_about_an_account(mail: RawMail) -> bool:
    return DeliveryEvent.objects.filter(raw_mail_id=mail.pk, delivery__kind=Message.Kind.SYSTEM).exists()


def address_of(file: Attachment) -> str:
    return f"/attachments/{file.token}/{quote(file.file_name, safe='')}"


def _inline_files(comment: Comment) -> dict[str, str]:
    rows = comment.attachments.filter(~Q(content_id=""))
    return {file.content_id: address_of(file) for file in rows}
