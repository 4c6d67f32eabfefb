"""What agents type is kept, whoever else is at it, and goes out exactly once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from tests.world import World

from answerback.core import clock
from answerback.desk.composing import drafts, submitting, uploads
from answerback.desk.composing.drafts import Writing, keep
from answerback.desk.composing.reply import EmptyCommentError
from answerback.desk.models import Draft
from answerback.store import blobs
from answerback.store.models import Blob
from answerback.tickets.models import Attachment, Comment, Ticket
from answerback.tickets.update import TicketClosedError
from answerback.workers import tidy

pytestmark = pytest.mark.django_db


def begin(world: World, text: str = "Use the blue bucket.", ticket: Ticket | None = None, **more: Any) -> Draft:
    draft = keep(world.ada, (ticket or world.ticket()).pk, Writing(text, **more)).draft
    assert draft is not None
    return draft


def sent(world: World, draft: Draft, seconds: int = 5) -> Draft:
    drafts.schedule(draft, seconds)
    return Draft.objects.get(pk=draft.pk)


def later(seconds: int = 6) -> Any:
    return clock.at(clock.now() + timedelta(seconds=seconds))


def test_saving_goes_on_in_the_same_draft(world: World) -> None:
    first = begin(world)
    second = keep(world.ada, first.ticket_id, Writing("Use the red one."), first.pk, first.version)
    assert second.draft is not None
    assert second.other is None
    assert (second.draft.pk, second.draft.text) == (first.pk, "Use the red one.")
    assert second.draft.version > first.version


def test_two_windows_lose_nothing_and_are_told(world: World) -> None:
    first = begin(world)
    keep(world.ada, first.ticket_id, Writing("From the one window."), first.pk, first.version)
    late = keep(world.ada, first.ticket_id, Writing("From the other."), first.pk, first.version)
    assert late.other is not None
    assert late.other.pk == first.pk
    texts = [draft.text for draft in drafts.of_ticket(first.ticket_id, world.ada)]
    assert sorted(texts) == ["From the one window.", "From the other."]


def test_an_emptied_draft_is_none(world: World) -> None:
    draft = begin(world)
    assert keep(world.ada, draft.ticket_id, Writing("  "), draft.pk, draft.version).draft is None
    assert not Draft.objects.exists()


def test_drafts_are_each_agents_own(world: World) -> None:
    draft = begin(world)
    assert drafts.find(draft.pk, world.bruno) is None
    assert drafts.of_ticket(draft.ticket_id, world.bruno) == []
    assert not drafts.discard(draft.pk, world.bruno)
    assert drafts.undo(sent(world, draft).pk, world.bruno) is None


def test_what_was_sent_waits_and_then_goes(world: World) -> None:
    draft = sent(world, begin(world, status="solved"))
    assert submitting.submit_due() == 0
    assert Comment.objects.filter(ticket=draft.ticket_id).count() == 1
    with later():
        submitting.submit_due()
    comment = Comment.objects.latest("id")
    assert (comment.text, comment.author, comment.public) == ("Use the blue bucket.", world.ada.person, True)
    assert Ticket.objects.get(pk=draft.ticket_id).status == "solved"
    assert world.delivery_to(world.clara, comment).state == "queued"


def test_it_can_be_taken_back_in_time_only(world: World) -> None:
    draft = sent(world, begin(world))
    taken_back = drafts.undo(draft.pk, world.ada)
    assert taken_back is not None
    assert taken_back.text == "Use the blue bucket."
    with later():
        assert submitting.submit_due() == 0
    sent(world, draft)
    with later():
        submitting.submit_due()
    assert drafts.undo(draft.pk, world.ada) is None


def test_a_worker_that_dies_in_between_makes_no_second_comment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = sent(world, begin(world))
    dies = pytest.raises(SystemExit)
    with monkeypatch.context() as patch, later(), dies:
        patch.setattr(drafts, "mark_sent", lambda *_: (_ for _ in ()).throw(SystemExit))
        submitting.submit_due()
    assert Comment.objects.filter(ticket=draft.ticket_id).count() == 1  # the customer's: nothing half done
    with later():
        assert submitting.submit_due() == 1
        assert submitting.submit_due() == 0
    assert Comment.objects.filter(ticket=draft.ticket_id).count() == 2


def test_they_go_in_the_order_in_which_they_were_sent(world: World) -> None:
    ticket = world.ticket()
    first, second = begin(world, "One", ticket), begin(world, "Two", ticket)
    sent(world, second, 3)
    sent(world, first, 4)
    with later():
        while submitting.submit_due():
            pass
    assert list(Comment.objects.filter(ticket=ticket).order_by("id").values_list("text", flat=True))[1:] == [
        "Two",
        "One",
    ]


def test_a_ticket_closed_meanwhile_gives_the_text_back(world: World) -> None:
    draft = sent(world, begin(world))
    Ticket.objects.filter(pk=draft.ticket_id).update(status="closed")
    with later():
        submitting.submit_due()
    draft.refresh_from_db()
    assert (draft.text, draft.send_at, draft.problem) == ("Use the blue bucket.", None, "closed")


def test_a_file_that_is_gone_gives_the_text_back(world: World, data_dir: object) -> None:
    file = uploads.receive(world.ada, b"plan", "plan.txt")
    draft = sent(world, begin(world, files=[file.token]))
    blobs.remove_file(file.blob)
    with later():
        submitting.submit_due()
    draft.refresh_from_db()
    assert (draft.send_at, draft.problem) == (None, "file_gone")


def full_disk(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if sql.startswith('INSERT INTO "tickets_comment"'):
        raise OperationalError("database or disk is full")
    return execute(sql, params, many, context)


def test_a_full_database_gives_the_text_back(world: World) -> None:
    draft = sent(world, begin(world))
    with later(), connection.execute_wrapper(full_disk):
        submitting.submit_due()
    draft.refresh_from_db()
    assert (draft.text, draft.send_at, draft.problem) == ("Use the blue bucket.", None, "not_stored")


def test_a_late_save_of_sent_words_makes_no_new_draft(world: World) -> None:
    draft = sent(world, begin(world))
    late = keep(world.ada, draft.ticket_id, Writing("Use the blue bucket."), draft.pk, draft.version - 1)
    assert late.draft == draft
    assert Draft.objects.count() == 1


def test_what_is_known_to_fail_fails_at_once(world: World) -> None:
    with pytest.raises(EmptyCommentError):
        submitting.send(None, 5)
    draft = begin(world)
    Ticket.objects.filter(pk=draft.ticket_id).update(status="closed")
    with pytest.raises(TicketClosedError):
        submitting.send(draft, 5)


def test_uploads_are_attached_and_orphans_go(world: World, data_dir: object) -> None:
    kept, forgotten, attached = (uploads.receive(world.ada, name.encode(), name) for name in ("a", "b", "c"))
    begin(world, files=[kept.token])
    submitting.send(begin(world, files=[attached.token]), 0)
    assert list(Comment.objects.latest("id").attachments.all()) == [attached]
    with clock.at(clock.now() + timedelta(days=8)):
        tidy.once()
    assert set(Attachment.objects.values_list("file_name", flat=True)) == {"a", "c"}
    assert not blobs.path(forgotten.blob).exists()
    assert Blob.objects.count() == 2


def test_nobody_attaches_the_uploads_of_another(world: World, data_dir: object) -> None:
    file = uploads.receive(world.bruno, b"secret", "secret.txt")
    with pytest.raises(submitting.FileGoneError):
        submitting.send(begin(world, files=[file.token]), 5)


def test_a_new_ticket_is_a_draft_first(world: World) -> None:
    fields = {
        "requester": "nora@customer.test",
        "requester_name": "Nora",
        "cc": "deniz@customer.test",
        "subject": "Hello",
    }
    draft = keep(world.ada, None, Writing("We found your bike.", fields=fields, status="pending")).draft
    submitting.send(draft, 5)
    with later():
        submitting.submit_due()
    ticket = Ticket.objects.latest("id")
    assert (ticket.subject, ticket.requester.name, ticket.status) == ("Hello", "Nora", "pending")
    assert Draft.objects.get().ticket == ticket
    assert world.delivery_to(world.deniz).state == "queued"
