"""Each received mail is read once; what makes the reader fail waits visibly; our own trouble makes everything wait."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import OperationalError, connection
from tests.world import make_world

from answerback.cli import rawmail, receive_pipe
from answerback.desk.arriving import intake
from answerback.inbound import process
from answerback.store import blobs, raw
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket
from answerback.workers import receive

pytestmark = pytest.mark.django_db
State = RawMail.State


@pytest.fixture(autouse=True)
def world(data_dir: Path, settings: Any) -> None:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    settings.AUTHSERV_ID = "mx.acme.test"
    make_world()


def _store(number: int, content: bytes | None = None) -> RawMail:
    octets = content or b"From: c%d@customer.test\r\nMessage-ID: <%d@x>\r\nSubject: s\r\n\r\nHello\r\n" % (
        number,
        number,
    )
    return raw.save(octets, doorway="smtp", envelope_from="c@customer.test", envelope_to=["support@acme.test"])


def _states() -> list[str]:
    return list(RawMail.objects.order_by("id").values_list("state", flat=True))


def _broken_for(monkeypatch: pytest.MonkeyPatch, raw_mail_id: int, error: Exception) -> None:
    """Reading that one mail fails, as by a bug."""
    take_in = intake.take_in

    def broken(pk: int, *args: Any) -> None:
        if pk == raw_mail_id:
            raise error
        take_in(pk, *args)

    monkeypatch.setattr(intake, "take_in", broken)


def test_everything_that_waits_is_read() -> None:
    for number in range(process.BATCH + 5):
        _store(number)
    assert receive.once() == process.BATCH + 5
    assert set(_states()) == {State.TICKET}
    assert Ticket.objects.count() == process.BATCH + 5


def test_big_mails_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BATCH_OCTETS", 150)  # two of these mails
    for number in range(5):
        _store(number)
    assert [process.process_waiting() for _ in range(4)] == [2, 2, 1, 0]
    monkeypatch.setattr(process, "BATCH_OCTETS", 1)
    _store(6)
    assert process.process_waiting() == 1


def test_a_mail_that_breaks_the_reader_is_tried_three_times_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = _store(1), _store(2)
    _broken_for(monkeypatch, broken.pk, ValueError("bug"))
    receive.once()
    broken.refresh_from_db()
    sound.refresh_from_db()
    assert (broken.state, broken.tries, broken.reason) == (State.UNREADABLE, 3, "crashed: ValueError: bug")
    assert (sound.state, sound.tries) == (State.TICKET, 1)


def test_a_process_that_dies_has_counted_its_try(monkeypatch: pytest.MonkeyPatch) -> None:
    killer, others = _store(1), [_store(2), _store(3)]
    _broken_for(monkeypatch, killer.pk, SystemExit())  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(SystemExit):
            receive.once()
    assert [RawMail.objects.get(pk=mail.pk).tries for mail in (killer, *others)] == [2, 1, 1]
    monkeypatch.undo()
    receive.once()
    assert set(_states()) == {State.TICKET}


@pytest.mark.parametrize("error", [OperationalError("disk I/O error"), OSError(28, "No space left on device")])
def test_our_own_trouble_counts_against_no_mail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    mail = _store(1)
    with monkeypatch.context() as patch:
        _broken_for(patch, mail.pk, error)
        for _ in range(5):
            with pytest.raises(process.OurTroubleError):
                process.process_waiting()
    mail.refresh_from_db()
    assert (mail.state, mail.tries) == (State.RECEIVED, 0)
    receive.once()
    assert _states() == [State.TICKET]


@pytest.mark.django_db(transaction=True)
def test_trouble_in_which_not_even_that_can_be_noted() -> None:
    """A full disk: the mail comes to nothing, and that its try did not count cannot be written either."""
    mail = _store(1)

    def write_nothing(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE")):
            raise OperationalError("database or disk is full")
        return execute(sql, *rest)

    def run(work: Any, waiting: Any) -> Any:
        with connection.execute_wrapper(write_nothing):
            yield from map(work, waiting)

    with pytest.raises(process.OurTroubleError, match="full"):
        process.process_waiting(run)
    mail.refresh_from_db()
    assert mail.state == State.RECEIVED
    receive.once()
    assert _states() == [State.TICKET]


def test_a_mail_whose_file_is_lost_does_not_block_others() -> None:
    lost, _sound = _store(1, b"From: c@customer.test\r\n\r\n" + b"x" * (raw.IN_ROW + 1)), _store(2)
    assert lost.blob is not None
    blobs.path(lost.blob).unlink()
    receive.once()
    assert _states() == [State.UNREADABLE, State.TICKET]


def test_nothing_of_a_failed_reading_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    mail = _store(1)
    settle = raw.settle

    def fail_at_the_end(*args: Any, **facts: Any) -> bool:
        if facts.get("ticket_id"):
            raise RuntimeError("crash after the ticket was written")
        return settle(*args, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(raw, "settle", fail_at_the_end)
        process.process_waiting()
    assert not Ticket.objects.exists()
    receive.once()
    mail.refresh_from_db()
    assert Ticket.objects.get().pk == mail.ticket_id


# The commands


def _pipe(monkeypatch: pytest.MonkeyPatch, content: bytes, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(SystemExit) as exit_:
        receive_pipe.command(arguments)
    return int(exit_.value.code or 0)


def test_the_pipe_stores_and_the_worker_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"From: c@customer.test\nSubject: by pipe\n\nHello\n"
    arguments = ("--envelope-from", "c@customer.test", "--envelope-to", "support@acme.test")
    assert _pipe(monkeypatch, content, *arguments) == 0
    mail = RawMail.objects.get()
    assert (raw.content(mail), mail.doorway, mail.envelope_to) == (content, "pipe", ["support@acme.test"])
    receive.once()
    assert Ticket.objects.get().subject == "by pipe"


def test_a_pipe_without_envelope_is_mail_for_the_default_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _pipe(monkeypatch, b"From: c@customer.test\nSubject: bare\n\nHello\n") == 0
    receive.once()
    assert Ticket.objects.get().support_address.address == "support@acme.test"


def test_a_pipe_that_cannot_store_asks_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(batch: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(raw, "save_all", refuse)
    assert _pipe(monkeypatch, b"From: c@customer.test\n\nHello\n") == 75


def test_a_pipe_refuses_what_is_too_big(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.MAX_MESSAGE_SIZE = 100
    assert _pipe(monkeypatch, b"x" * 101) == 69
    assert not RawMail.objects.exists()


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(rawmail.command, arguments)
    return result.exit_code, result.output


def test_rawmail_lists_what_came_of_each() -> None:
    first = _store(1)
    receive.once()
    second = _store(2)
    code, output = _run("--jsonl")
    lines = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    assert [(line["id"], line["state"]) for line in lines] == [(first.pk, "ticket"), (second.pk, "received")]
    keys = ["id", "sha256", "size", "doorway", "received_at", "state", "reason", "ticket_id", "message_id"]
    assert list(lines[0]) == keys
    assert lines[0]["ticket_id"] == Ticket.objects.get().pk
    assert lines[0]["message_id"] == "<1@x>"
    assert [json.loads(line)["id"] for line in _run("--jsonl", "--state", "received")[1].splitlines()] == [second.pk]


def test_rawmail_reprocess_reads_again_what_came_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mail, done = _store(1), _store(2)
    with monkeypatch.context() as patch:
        _broken_for(patch, mail.pk, ValueError("bug"))
        receive.once()
    code, output = _run("reprocess", str(mail.pk), str(done.pk))
    assert json.loads(output.splitlines()[0])["state"] == "ticket"
    assert f"Not read again: {done.pk}" in output
    assert code == 1
