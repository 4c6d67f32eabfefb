"""A file that an agent sends along: stored at once, attached when the comment is.

Policy: an upload waits for its comment. It belongs to whoever uploaded it; one that no draft names goes after a week.
Those of programs have tokens of their own kind (`desk.composing.upload_tokens`).
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from answerback.core import clock, ids
from answerback.desk.models import Draft
from answerback.people.models import Account
from answerback.store import blobs
from answerback.tickets.changes import NewAttachment
from answerback.tickets.models import Attachment

UNKNOWN_TYPE = "application/octet-stream"
KEPT_FOR = timedelta(days=7)


def keep(content: bytes, file_name: str, content_type: str = "") -> NewAttachment:
    """Store the octets durably. OSError where the disk refuses."""
    return NewAttachment(
        blob=blobs.save(content), file_name=file_name[:255], content_type=content_type[:127] or UNKNOWN_TYPE
    )


def receive(by: Account, content: bytes, file_name: str, content_type: str = "", inline: bool = False) -> Attachment:
    """The same, waiting for its comment. `inline`: a picture that stands in the text. OSError."""
    new = keep(content, file_name, content_type)
    return Attachment.objects.create(
        uploaded_by=by,
        token=ids.random_token(),
        blob=new.blob,
        file_name=new.file_name,
        content_type=new.content_type,
        size=new.blob.size,
        inline=inline,
        content_id=f"{ids.random_name()}@answerback" if inline else "",
        created_at=clock.now(),
    )


def drop(token: str, by: Account) -> bool:
    """The agent takes a waiting upload back."""
    row = Attachment.objects.filter(token=token, uploaded_by=by, comment__isnull=True).first()
    if row is None:
        return False
    forget(row)
    return True


def forget_orphans() -> int:
    """Uploads that waited long enough, and that no draft names."""
    drafts = Draft.objects.filter(sent_at__isnull=True).values_list("files", flat=True)
    named = {token for files in drafts for token in files}
    old = Attachment.objects.filter(comment__isnull=True, upload="", created_at__lt=clock.now() - KEPT_FOR)
    orphans = [row for row in old.select_related("blob") if row.token not in named]
    for row in orphans:
        forget(row)
    return len(orphans)


def forget(row: Attachment) -> None:
    with transaction.atomic():
        row.delete()
        freed = blobs.forget(row.blob)
    if freed:
        blobs.remove_file(row.blob)
