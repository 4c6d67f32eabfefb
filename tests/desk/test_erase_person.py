"""Erasing somebody: nothing of them is left in any table or file, and what is others' stays."""

from __future__ import annotations

import base64
import json
import quopri
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from tests.desk.test_intake import Desk
from tests.desk.test_merge_tickets import token_address
from tests.world import World

from answerback.core import clock, idempotency
from answerback.core.idempotency import Answer
from answerback.desk import jobs
from answerback.desk.calling_webhooks import webhooks
from answerback.desk.composing import drafts, uploads
from answerback.desk.composing.drafts import Writing
from answerback.desk.composing.reply import Reply, reply
from answerback.desk.erasure import erase_person
from answerback.desk.erasure.erase_person import CannotEraseError
from answerback.desk.fixing import recover
from answerback.desk.merging import merge_people, merge_tickets
from answerback.desk.models import Job, JobItem
from answerback.outbound.models import Delivery
from answerback.people import blocked_senders, identities
from answerback.people.models import Identity, Person
from answerback.rules.models import Webhook
from answerback.search import query
from answerback.search.find import tickets as found
from answerback.store import blobs, raw
from answerback.store.models import RawMail
from answerback.tickets.models import Comment, Participant, Ticket
from answerback.workers import work_jobs
from mailroom.states import State

NAME = "Ottilie Wunderlich"
ADDRESSES = ("ottilie@wunderlich.test", "o.wunderlich@work.test", "otilie@wunderlich.test")
LEFT = re.compile(r"wunderlich|ott?ilie|zirbel", re.IGNORECASE)  # "Zirbel" stands in all that she wrote
REFUSED = "550 5.1.1 <ottilie@wunderlich.test>: User unknown"
THANKS = "Thank you!\n\nOn Monday […] wrote:"
SENDER = f"{NAME} <ottilie@wunderlich.test>"


@pytest.fixture(autouse=True)
def data_folder(data_dir: Path) -> Path:
    return data_dir


@pytest.fixture
def ottilie(world: World) -> Person:
    return identities.find_or_create(ADDRESSES[0], NAME, "de").person


def deliver_all(world: World) -> None:
    for waiting in Delivery.objects.filter(state=State.QUEUED).order_by("id"):
        world.outcome(waiting, "250 2.0.0 Ok")


def with_file(text: str, to: str = "support@acme.test", cc: str = "") -> bytes:
    part = base64.encodebytes(b"The Zirbel plan. " * 30_000).replace(b"\n", b"\r\n")
    head = f"From: {SENDER}\r\nTo: {to}\r\n" + (f"Cc: {cc}\r\n" if cc else "")
    return (
        head.encode()
        + b"Subject: Zirbel\r\nMessage-ID: <1@wunderlich.test>\r\nMIME-Version: 1.0\r\n"
        + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + text.encode()
        + b"\r\n--x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        + b"Content-Disposition: attachment; filename=zirbel.pdf\r\n\r\n" + part + b"\r\n--x--\r\n"
    )  # fmt: skip


def erase(person: Person, world: World) -> Job:
    job = erase_person.start(person, world.bruno)
    work_jobs.once()
    blobs.remove_let_go()
    job.refresh_from_db()
    return job


def rows() -> Iterator[tuple[str, str]]:
    """Every value of every table, octets decoded in all the ways that mail is encoded."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if "search_words" in table or "search_people" in table:
                continue  # pages of FTS5: asked by searching, below
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield f"{table}.{name}", readable(value)


def readable(value: object) -> str:
    if not isinstance(value, bytes | memoryview):
        return str(value)
    octets = bytes(value)
    encoded = re.findall(rb"(?:[A-Za-z0-9+/]{40,}={0,2}\s*)+", octets)
    decoded = [base64.b64decode(re.sub(rb"\s", b"", run) + b"==") for run in encoded]
    return b"\n".join([octets, quopri.decodestring(octets), *decoded]).decode("utf-8", "replace")


def left(data_folder: Path) -> list[tuple[str, str]]:
    files = [path for path in (data_folder / "blobs").rglob("*") if path.is_file()]
    everything = [*rows(), *((str(path), readable(path.read_bytes())) for path in files)]
    return [(place, found_[0]) for place, text in everything if (found_ := LEFT.search(text))]


def a_life(world: World, ottilie: Person) -> dict[str, Ticket]:
    """All that can be known of somebody."""
    desk = Desk(world)
    identities.add(ottilie, ADDRESSES[1], world.ada)
    ottilie.phone, ottilie.notes = "+49 30 1", "Ottilie likes Zirbel wood"
    ottilie.save()
    own = Ticket.objects.get(pk=received(desk, with_file("My Zirbel is broken.")))
    deliver_all(world)
    file = uploads.keep(b"Offer for Ms Wunderlich", "wunderlich.txt", "text/plain")
    reply(own.pk, Reply(text=f"Dear {NAME}, here is the offer.", public=True, attachments=[file]), world.ada)
    world.outcome(world.delivery_to(ottilie), REFUSED)
    identities.correct(Identity.objects.get(normal=ADDRESSES[0]), ADDRESSES[2], world.ada)
    identities.correct(Identity.objects.get(normal=ADDRESSES[2]), ADDRESSES[0], world.ada)

    other = world.ticket(f"Plans with {NAME}", ccs=[ottilie])
    world.answer(other, f"{NAME} <ottilie@wunderlich.test> will help. Wunderbar.")
    deliver_all(world)
    token = Participant.objects.get(ticket=other, person=ottilie)
    desk.get("I do, with Zirbel.", sender=SENDER, to=token_of(token), verified=True)
    desk.get(
        "Thank you!\r\n\r\nOn Monday Ottilie Wunderlich wrote:\r\n> I do, with Zirbel.\r\n",
        to=token_of(Participant.objects.get(ticket=other, person=world.clara)),
        headers=[f"Cc: {SENDER}"],
        verified=True,
    )
    world.answer(other, "Good. Bye.")
    world.outcome(world.delivery_to(ottilie), REFUSED)
    deliver_all(world)

    merged = Ticket.objects.get(pk=received(desk, f"From: {SENDER}\r\n\r\nMy other Zirbel creaks.".encode()))
    target = world.ticket("Clara's own")
    merge_tickets.merge([merged.pk], target.pk, world.ada)

    twin = identities.find_or_create("ottilie@elsewhere.test", "Otilie Wunderlich").person
    merge_people.merge(twin.pk, ottilie.pk, world.ada)

    hook = Webhook.objects.create(
        name="h", endpoint="https://hook.test/", secret="s", created_at=clock.now(), updated_at=clock.now()
    )
    webhooks.call(hook.pk, webhooks.TEST, {"to": ADDRESSES[0]})
    idempotency.once("c", "k", "f", lambda: Answer(201, json.dumps({"email": ADDRESSES[1]})))
    drafts.keep(world.ada, None, Writing(text="Dear Ms", fields={"requester": ADDRESSES[0]}))
    drafts.keep(world.ada, other.pk, Writing(text=f"Dear {NAME}"))
    jobs.start_new("create_tickets", [{"requester": {"email": ADDRESSES[0]}}], world.ada, source={"api": True})
    JobItem.objects.update(state=JobItem.State.FAILED)
    Job.objects.update(status=Job.Status.FAILED)
    spam = raw.save(f"From: {SENDER}\r\n\r\nBuy Zirbel".encode(), doorway="smtp", envelope_from=ADDRESSES[0])
    raw.settle(spam.pk, RawMail.State.SUSPENDED, reason="spam")
    blocked_senders.block(ADDRESSES[0], world.ada)
    return {"own": own, "other": other, "merged": merged, "target": target}


def received(desk: Desk, content: bytes) -> int:
    mail = desk.get(content=content, envelope_from=ADDRESSES[0], verified=True)
    mail.refresh_from_db()
    assert mail.ticket_id
    return mail.ticket_id


def token_of(participant: Participant) -> str:
    return token_address(participant.ticket, participant.person_id)


def test_nothing_of_the_person_is_left_anywhere(world: World, ottilie: Person, data_folder: Path) -> None:
    tickets = a_life(world, ottilie)
    assert {place.partition(".")[0] for place, _ in left(data_folder)} >= {
        "people_person", "people_identity", "tickets_ticket", "tickets_comment", "tickets_event", "tickets_attachment",
        "outbound_message", "outbound_delivery", "outbound_attempt", "outbound_deliveryevent", "store_rawmail",
        "desk_draft", "desk_notice", "desk_jobitem", "rules_webhookcall", "core_idempotentanswer",
        "people_blockedsender", "people_personmerge", "people_deliverabilityentry",
    }  # fmt: skip
    job = erase(ottilie, world)
    assert not JobItem.objects.filter(job=job, state=JobItem.State.FAILED).exists()
    assert job.status == Job.Status.COMPLETED
    assert left(data_folder) == []
    for word in ("wunderlich", "zirbel", "ottilie"):
        assert not list(found(query.parse(word, world.ada))), word
    assert not Ticket.objects.filter(pk__in=[tickets["own"].pk, tickets["merged"].pk]).exists()


def test_what_is_others_stays(world: World, ottilie: Person) -> None:
    other = a_life(world, ottilie)["other"]
    erase(ottilie, world)
    other.refresh_from_db()
    assert other.subject == "Plans with […]"
    texts = list(Comment.objects.filter(ticket=other).order_by("id").values_list("text", flat=True))
    assert texts == ["It burns. Please help.", "[…] <[…]> will help. Wunderbar.", "[…]", THANKS, "Good. Bye."]
    assert {row.state for row in Delivery.objects.filter(ticket=other, person=world.clara)} == {State.ACCEPTED}
    assert Participant.objects.get(ticket=other, role="requester").person == world.clara
    author = Comment.objects.filter(ticket=other, text="[…]").get().author
    assert author.name == "Erased person"
    assert author.erased_at
    assert list(found(query.parse("Wunderbar", world.ada))) == [other]


def test_a_name_across_two_elements_is_found(world: World, ottilie: Person) -> None:
    ticket = world.ticket(ccs=[ottilie])
    html = "<p>Dear Ms <b>Ottilie</b> <i>Wunderlich</i></p>"
    reply(ticket.pk, Reply(text="Dear Ms Ottilie Wunderlich", html=html, public=False), world.ada)
    erase(ottilie, world)
    note = Comment.objects.filter(ticket=ticket).latest("id")
    assert (note.text, note.html) == ("Dear Ms […]", "")


def test_a_mail_that_lost_its_octets_is_never_sent_again(world: World, ottilie: Person) -> None:
    ticket = world.ticket(ccs=[ottilie])
    world.answer(ticket)
    world.outcome(world.delivery_to(ottilie), "250 2.0.0 Ok")
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 User unknown")
    erase(ottilie, world)
    failed = world.delivery_to(world.clara)
    assert (bytes(failed.message.body), failed.state) == (b"", State.FAILED)
    identities.mark_deliverable(Identity.objects.get(person=world.clara), world.ada)
    with pytest.raises(recover.NotFailedError):
        recover.resend([failed.pk], world.ada)


def test_mail_to_others_that_is_on_its_way_is_waited_for(world: World, ottilie: Person, data_folder: Path) -> None:
    ticket = world.ticket(ccs=[ottilie])
    world.answer(ticket)
    job = erase(ottilie, world)
    reasons = set(JobItem.objects.filter(job=job, state=JobItem.State.FAILED).values_list("reason", flat=True))
    assert reasons == {"mail_under_way"}
    assert Identity.objects.filter(person=ottilie).exists(), "who they are is needed until the last step"
    assert world.delivery_to(world.clara).state == State.QUEUED
    deliver_all(world)
    jobs.start_again(job, world.bruno)
    work_jobs.once()
    assert left(data_folder) == []


def test_a_suppressed_address_is_as_any_other_afterwards(world: World, ottilie: Person) -> None:
    ticket = world.ticket(requester=ottilie)
    world.answer(ticket)
    world.outcome(world.delivery_to(ottilie), REFUSED)
    erase(ottilie, world)
    anew = identities.find_or_create(ADDRESSES[0], NAME)
    assert not identities.is_suppressed(anew)


def test_an_address_that_is_somebody_elses_by_now_is_not_struck(world: World, ottilie: Person) -> None:
    ticket = world.ticket(requester=ottilie)
    world.answer(ticket)
    identities.move(ADDRESSES[0], world.deniz, world.ada)
    theirs = world.ticket(f"Write to {ADDRESSES[0]}", requester=world.deniz)
    erase(ottilie, world)
    theirs.refresh_from_db()
    assert theirs.subject == f"Write to {ADDRESSES[0]}"
    assert identities.find(ADDRESSES[0]).person == world.deniz  # type: ignore[union-attr]


def test_what_came_in_while_the_job_ran_goes_too(world: World, ottilie: Person) -> None:
    erase_person.start(ottilie, world.bruno)
    late = world.ticket("Late", requester=ottilie)
    spam = raw.save(f"From: {SENDER}\r\n\r\nBuy".encode(), doorway="smtp", envelope_from=ADDRESSES[0])
    raw.settle(spam.pk, RawMail.State.SUSPENDED, reason="spam")
    work_jobs.once()
    assert not RawMail.objects.filter(pk=spam.pk).exists()
    assert not Ticket.objects.filter(pk=late.pk).exists()
    assert not Person.objects.filter(pk=ottilie.pk).exists(), "nothing is left that needs an author"


@pytest.mark.parametrize(("who", "problem"), [("agent", "agent"), ("merged", "merged"), ("twice", "under_way")])
def test_who_cannot_be_erased(world: World, ottilie: Person, who: str, problem: str) -> None:
    if who == "merged":
        merge_people.merge(ottilie.pk, world.clara.pk, world.ada)
    if who == "twice":
        erase_person.start(ottilie, world.bruno)
    with pytest.raises(CannotEraseError) as told:
        erase_person.start(world.ada.person if who == "agent" else Person.objects.get(pk=ottilie.pk), world.bruno)
    assert told.value.problem == problem


def test_beforehand_it_says_how_much(world: World, ottilie: Person) -> None:
    a_life(world, ottilie)
    foreseen = erase_person.foresee(ottilie)
    assert (foreseen.tickets, foreseen.struck, foreseen.comments, foreseen.files) == (2, 2, 1, 1)
    assert set(ADDRESSES) | {"ottilie@elsewhere.test"} <= set(foreseen.addresses)
    assert foreseen.names == ["Otilie Wunderlich", NAME]
