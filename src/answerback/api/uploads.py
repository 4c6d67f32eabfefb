"""Files: uploaded ahead of the comment that names their token, and looked up afterwards."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api.auth import caller
from answerback.api.describe import doc, needed, one, query
from answerback.api.errors import InvalidError, TooLargeError
from answerback.api.tickets import AttachmentOut, present_attachment
from answerback.api.users import time
from answerback.desk.composing import upload_tokens
from answerback.people.models import Account
from answerback.tickets.models import Attachment

router = Router(tags=["files"])


class UploadOut(Schema):
    token: str
    expires_at: str
    attachment: AttachmentOut
    attachments: list[AttachmentOut]


UploadAnswer = one("upload", UploadOut)
AttachmentAnswer = one("attachment", AttachmentOut)
_NAME = needed(query("filename", "what the file is called"))
_TOKEN = query("token", "of an earlier upload: the file joins it")
_OCTETS = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    "required": True,
}


def _upload_doc() -> dict[str, Any]:
    described = doc(UploadAnswer, status=201, takes=(_NAME, _TOKEN), faults=(413, 422))
    described["openapi_extra"]["requestBody"] = _OCTETS
    return described


@router.post("/uploads", **_upload_doc())
def create_upload(request: HttpRequest) -> HttpResponse:
    """Upload a file

    The body is the file itself. Its `token` goes into `uploads` of a comment, once and within three days. With `token`
    the file joins those of an earlier upload.
    """
    name, by = _last_part(request.GET.get("filename", "")), caller(request)
    if not name:
        raise InvalidError(filename="Filename: cannot be blank")
    content = request.read(settings.MAX_UPLOAD_SIZE + 1)
    if len(content) > settings.MAX_UPLOAD_SIZE:
        raise TooLargeError(f"A file has at most {settings.MAX_UPLOAD_SIZE} bytes")
    kind = request.content_type or ""
    try:
        added = upload_tokens.add(content, name, kind, by, request.GET.get("token", ""))
    except upload_tokens.UnknownUploadError:
        raise InvalidError(token="Token: nothing waits under it") from None  # noqa: S106
    return JsonResponse({"upload": _present(added, by)}, status=201)


@router.delete("/uploads/{token}", **doc(None, status=204, faults=(404,)))
def delete_upload(request: HttpRequest, token: str) -> HttpResponse:
    """Throw uploaded files away that no comment has"""
    upload_tokens.drop(token, caller(request))
    return HttpResponse(status=204)


@router.get("/attachments/{int:attachment_id}", **doc(AttachmentAnswer, faults=(404,)))
def show_attachment(request: HttpRequest, attachment_id: int) -> HttpResponse:
    """A file of a comment

    `content_url` gives the file itself, also with an API token.
    """
    found = Attachment.objects.get(pk=attachment_id, comment__isnull=False)
    return JsonResponse({"attachment": present_attachment(found)})


def _last_part(path: str) -> str:
    """zenpy sends the whole path of the file."""
    return path.replace("\\", "/").rpartition("/")[2].strip()


def _present(added: Attachment, by: Account) -> dict[str, Any]:
    files = upload_tokens.waiting(added.upload, by)
    return {
        "token": added.upload,
        "expires_at": time(upload_tokens.expires_at(files[0])),
        "attachment": present_attachment(added),
        "attachments": [present_attachment(file) for file in files],
    }
