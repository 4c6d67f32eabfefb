"""Received mail keeps every byte and is settled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerback.store import raw
from answerback.store.models import Blob, RawMail

pytestmark = pytest.mark.django_db
State = RawMail.State


def _save(content: bytes = b"Subject: x\r\n\r\nx\r\n") -> RawMail:
    return raw.save(content, doorway="smtp", peer="192.0.2.1", helo="mx", envelope_to=["help@desk.test"])


@pytest.mark.parametrize("size", [0, 1, raw.IN_ROW, raw.IN_ROW + 1])
def test_every_byte_comes_back(data_dir: Path, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    stored = RawMail.objects.get(pk=_save(content).pk)
    assert raw.content(stored) == content
    assert stored.size == size
    assert (stored.blob is None) == (size <= raw.IN_ROW)


def test_a_batch_is_stored_as_a_whole_or_not_at_all(data_dir: Path) -> None:
    good = raw.Incoming(b"x", "smtp")
    with pytest.raises(TypeError):
        raw.save_all([good, raw.Incoming("not bytes", "smtp")])  # type: ignore[arg-type]
    assert RawMail.objects.count() == 0
    assert len(raw.save_all([good, good])) == 2


def test_envelope_with_characters_no_database_takes(data_dir: Path) -> None:
    stored = raw.save(b"x", doorway="smtp", helo="a\0b", envelope_from="x\udcff@y" + "z" * 400, envelope_to=["\0@x"])
    stored.refresh_from_db()
    assert stored.helo == "a\N{REPLACEMENT CHARACTER}b"
    assert len(stored.envelope_from) == 320
    assert stored.envelope_to == ["\N{REPLACEMENT CHARACTER}@x"]


def test_settled_once(data_dir: Path) -> None:
    mail = _save()
    assert raw.settle(mail.pk, State.TICKET, ticket_id=7, message_id="<a@b>")
    assert not raw.settle(mail.pk, State.IGNORED, reason="too late")
    mail.refresh_from_db()
    assert (mail.state, mail.ticket_id, mail.message_id) == (State.TICKET, 7, "<a@b>")
    assert mail.handled_at is not None


def test_mail_that_was_tried_waits_behind_fresh_mail(data_dir: Path) -> None:
    tried, fresh = _save().pk, _save().pk
    raw.count_try([tried])
    assert [mail.pk for mail in raw.next_received(10)] == [fresh, tried]
    raw.give_back(tried)
    assert [mail.pk for mail in raw.next_received(10)] == [tried, fresh]


@pytest.mark.parametrize(
    "state,again",
    [(State.UNREADABLE, True), (State.IGNORED, True), (State.UNMATCHED, True), (State.TICKET, False)],
)
def test_only_mail_that_came_to_nothing_is_read_again(data_dir: Path, state: str, again: bool) -> None:
    mail = _save()
    raw.count_try([mail.pk])
    raw.settle(mail.pk, state, reason="x")
    assert raw.reopen(mail.pk) is again
    mail.refresh_from_db()
    assert (mail.state == State.RECEIVED) is again
    assert (mail.tries == 0) is again


def test_nothing_of_a_failed_batch_reaches_the_blob_table(data_dir: Path) -> None:
    with pytest.raises(TypeError):
        raw.save_all([raw.Incoming(b"x" * (raw.IN_ROW + 1), "smtp"), raw.Incoming(None, "smtp")])  # type: ignore[arg-type]
    assert not Blob.objects.exists()
