"""Files that a program uploads ahead of the comment: one token for one file, or for several.

Policy: a token is used once, by whoever uploaded the files, and within three days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from answerback.core import clock, ids
from answerback.desk.composing import uploads
from answerback.people.models import Account
from answerback.tickets.models import Attachment

WAITS_FOR = timedelta(days=3)


class UnknownUploadError(LookupError):
    """Nothing waits under the token: used, over, somebody else's, or never given."""


def add(content: bytes, file_name: str, content_type: str, by: Account, token: str = "") -> Attachment:
    """Keep a file, under a token of its own or with those of `token`. UnknownUploadError, OSError."""
    if token:
        waiting(token, by)
    new = uploads.keep(content, file_name, content_type)
    return Attachment.objects.create(
        uploaded_by=by,
        upload=token or ids.random_token(),
        token=ids.random_token(),
        blob=new.blob,
        file_name=new.file_name,
        content_type=new.content_type,
        size=new.blob.size,
        created_at=clock.now(),
    )


def waiting(token: str, by: Account) -> list[Attachment]:
    """The files under `token`, in the order they came. UnknownUploadError."""
    found = list(_waiting([token], by).order_by("id"))
    if not found:
        raise UnknownUploadError(token)
    return found


def take(tokens: Sequence[str], by: Account) -> list[Attachment]:
    """All files of these tokens, for a comment. UnknownUploadError."""
    return [file for token in dict.fromkeys(tokens) for file in waiting(token, by)]


def drop(token: str, by: Account) -> None:
    """The files are not wanted after all. UnknownUploadError."""
    for file in waiting(token, by):
        uploads.forget(file)


def expires_at(file: Attachment) -> datetime:
    return file.created_at + WAITS_FOR


def forget_old() -> int:
    """Files that no comment came for."""
    over = Attachment.objects.filter(comment__isnull=True, created_at__lt=clock.now() - WAITS_FOR)
    files = list(over.exclude(upload="").select_related("blob"))
    for file in files:
        uploads.forget(file)
    return len(files)


def _waiting(tokens: Sequence[str], by: Account) -> QuerySet[Attachment]:
    rows = Attachment.objects.filter(upload__in=tokens, uploaded_by=by, comment__isnull=True)
    return rows.exclude(upload="").select_related("blob").filter(created_at__gt=clock.now() - WAITS_FOR)
