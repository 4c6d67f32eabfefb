"""Files through the API: uploaded, joined, sent along with a comment, fetched."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.api.conftest import Call
from tests.world import World

from answerback.core import clock
from answerback.desk.composing import upload_tokens
from answerback.people import tokens
from answerback.store import blobs
from answerback.tickets.models import Attachment, Comment

Upload = Any


@pytest.fixture
def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.issue(world.ada, 'uploads')}"}


@pytest.fixture
def upload(client: Client, bearer: dict[str, str], data_dir: Path) -> Upload:
    def send(name: str, content: bytes, token: str = "", kind: str = "text/plain") -> tuple[int, Any]:
        query = {"filename": name} | ({"token": token} if token else {})
        answer = client.post("/api/v2/uploads.json", content, kind, headers=bearer, query_params=query)
        return answer.status_code, answer.json()

    return send


def test_several_files_under_one_token_go_with_a_comment(
    call: Call, world: World, upload: Upload, client: Client, bearer: dict[str, str]
) -> None:
    status, body = upload("größe.txt", b"one")
    token = body["upload"]["token"]
    assert (status, body["upload"]["attachment"]["file_name"]) == (201, "größe.txt")
    _, body = upload("two.bin", b"\0\1", token, "application/binary")
    assert [file["size"] for file in body["upload"]["attachments"]] == [3, 2]
    ticket = world.ticket()
    sent = {"ticket": {"comment": {"body": "See these.", "uploads": [token]}}}
    assert call("PUT", f"tickets/{ticket.pk}", sent)[0] == 200
    _, comments = call("GET", f"tickets/{ticket.pk}/comments")
    files = comments["comments"][-1]["attachments"]
    assert [file["file_name"] for file in files] == ["größe.txt", "two.bin"]
    fetched = client.get(files[0]["content_url"].removeprefix("http://127.0.0.1:8025"), headers=bearer)
    assert b"".join(fetched.streaming_content) == b"one"  # type: ignore[attr-defined]
    _, shown = call("GET", f"attachments/{files[1]['id']}")
    assert shown["attachment"]["size"] == 2


def test_a_token_is_used_once(call: Call, world: World, upload: Upload) -> None:
    token = upload("a.txt", b"a")[1]["upload"]["token"]
    sent = {"ticket": {"comment": {"body": "Here.", "uploads": [token]}, "requester_id": world.clara.pk}}
    assert call("POST", "tickets", sent)[0] == 201
    status, body = call("POST", "tickets", sent)
    assert (status, list(body["details"])) == (422, ["uploads"])
    assert upload("b.txt", b"b", token)[0] == 422
    assert Comment.objects.get().attachments.count() == 1


def test_of_somebody_else(call_as_admin: Call, world: World, upload: Upload) -> None:
    token = upload("a.txt", b"a")[1]["upload"]["token"]
    sent = {"ticket": {"comment": {"body": "Mine.", "uploads": [token]}}}
    assert call_as_admin("PUT", f"tickets/{world.ticket().pk}", sent)[0] == 422
    assert call_as_admin("DELETE", f"uploads/{token}")[0] == 404


def test_thrown_away(call: Call, upload: Upload) -> None:
    token = upload("a.txt", b"a")[1]["upload"]["token"]
    path = blobs.path(Attachment.objects.get().blob)
    assert path.exists()
    assert call("DELETE", f"uploads/{token}.json") == (204, None)
    assert not path.exists()
    assert call("DELETE", f"uploads/{token}")[0] == 404


def test_too_late(call: Call, world: World, upload: Upload) -> None:
    token = upload("a.txt", b"a")[1]["upload"]["token"]
    with clock.at(clock.now() + upload_tokens.WAITS_FOR + timedelta(seconds=1)):
        sent = {"ticket": {"comment": {"body": "Late.", "uploads": [token]}}}
        assert call("PUT", f"tickets/{world.ticket().pk}", sent)[0] == 422
        assert upload_tokens.forget_old() == 1
    assert not Attachment.objects.exists()


def test_too_large(upload: Upload, settings: Any) -> None:
    settings.MAX_UPLOAD_SIZE = 10
    assert upload("a.txt", b"x" * 10)[0] == 201
    status, body = upload("a.txt", b"x" * 11)
    assert (status, body["error"]) == (413, "AttachmentTooLarge")


def test_larger_than_a_form_may_be(upload: Upload, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert upload("a.txt", b"x" * 1000)[1]["upload"]["attachment"]["size"] == 1000


def test_a_name_is_needed(upload: Upload) -> None:
    assert upload("", b"x")[0] == 422


def test_strangers_fetch_nothing(client: Client, world: World, upload: Upload, call: Call) -> None:
    token = upload("a.txt", b"a")[1]["upload"]["token"]
    call("PUT", f"tickets/{world.ticket().pk}", {"ticket": {"comment": {"body": "x", "uploads": [token]}}})
    path = f"/attachments/{Attachment.objects.get().token}/a.txt"
    assert client.get(path).status_code == 302
    assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 302
