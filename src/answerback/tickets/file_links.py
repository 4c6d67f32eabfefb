"""Files as links: what is too big for a mail, or of a kind that is refused, is fetched from us instead.

Policy: the token is random and the only key; nobody signs in. A link ends after FILE_LINK_LIFETIME, or when an agent
withdraws it. Pictures that stand in the text stay in the mail. The one writer of `FileLink`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import F

from answerback.core import clock, ids, live
from answerback.people.models import Account
from answerback.tickets.models import Comment, FileLink


def make(comment: Comment) -> list[FileLink]:
    """A link for each file of the comment, in their order; none where it has no files."""
    now = clock.now()
    expires_at = now + timedelta(seconds=settings.FILE_LINK_LIFETIME)
    files = comment.attachments.filter(inline=False, link__isnull=True).order_by("id")
    return FileLink.objects.bulk_create(
        FileLink(attachment=file, token=ids.random_token(), created_at=now, expires_at=expires_at) for file in files
    )


def of_comment(comment: Comment) -> list[FileLink]:
    return list(FileLink.objects.filter(attachment__comment=comment).select_related("attachment").order_by("id"))


def told(links: Sequence[FileLink]) -> dict[str, object]:
    """What the event log keeps of it."""
    return {
        "note": "files_as_links",
        "files": [link.attachment.file_name for link in links],
        "until": links[0].expires_at.isoformat(),
    }


def find(token: str) -> FileLink | None:
    related = ("attachment__blob", "attachment__comment__ticket__support_address")
    return FileLink.objects.select_related(*related).filter(token=token).first()


def count_download(link: FileLink) -> None:
    FileLink.objects.filter(pk=link.pk).update(downloads=F("downloads") + 1, downloaded_at=clock.now())


def withdraw(link: FileLink, by: Account) -> bool:
    """End it now. False where it had ended already."""
    still = FileLink.objects.filter(pk=link.pk, withdrawn_at__isnull=True, expires_at__gt=clock.now())
    ended = still.update(withdrawn_at=clock.now(), withdrawn_by=by)
    if ended and link.attachment.comment:
        live.publish(f"ticket:{link.attachment.comment.ticket_id}")
    return bool(ended)


def url(link: FileLink) -> str:
    return f"{settings.BASE_URL}/files/{link.token}"
