"""Fixing many: a job does each item once, tells what became of it, can be cancelled, started again and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.world import World

from answerback.core import clock
from answerback.desk import delivery_events, jobs
from answerback.desk.bulk import targets
from answerback.desk.fixing import recover
from answerback.desk.models import Job, JobItem
from answerback.outbound import lifecycle, standing
from answerback.outbound.models import Delivery, FailureChange, Resolution
from answerback.people import accounts, identities
from answerback.people.models import Person
from answerback.tickets.models import FAILURE_TAG, Event, Ticket
from answerback.workers import work_jobs
from mailroom.report import Action
from mailroom.states import Fact

REFUSED = "554 5.7.1 Relay access denied"


def customer(address: str) -> Person:
    return identities.find_or_create(address, address.partition("@")[0].title(), "en").person


def failing(world: World, address: str, text: str = REFUSED) -> Ticket:
    """A ticket whose answer did not reach its requester."""
    world.clara = customer(address)
    ticket = world.ticket()
    world.outcome(world.delivery_to(world.clara, world.answer(ticket)), text)
    return ticket


def run(world: World, kind: str, tickets: list[Ticket], **options: Any) -> Job:
    job = jobs.start(kind, targets.of_tickets(kind, [ticket.pk for ticket in tickets]), world.ada, **options)
    work_jobs.once()
    job.refresh_from_db()
    return job


def told(job: Job) -> list[tuple[int | None, str, str]]:
    return list(job.items.order_by("id").values_list("ticket_id", "state", "reason"))


def recipients_of(ticket: Ticket) -> list[str]:
    return list(
        Delivery.objects.filter(ticket=ticket, kind="answer").order_by("id").values_list("recipient", flat=True)
    )


def test_resend_goes_to_those_that_failed_and_says_so(world: World) -> None:
    failed = failing(world, "a@customer.example")
    fine = world.ticket()
    job = run(world, "resend", [failed, fine])
    assert told(job) == [(failed.pk, "done", "resent"), (fine.pk, "skipped", "no_failure")]
    assert job.status == "completed"
    assert recipients_of(failed) == ["a@customer.example"] * 2
    assert jobs.progress(job) == jobs.Progress(total=2, done=1, skipped=1)


def test_what_was_sent_again_and_still_waits_is_taken_back(world: World) -> None:
    waiting, gone, ambiguous = (failing(world, f"{name}@customer.example") for name in "abc")
    alarms = Delivery.objects.filter(kind="agent").count()
    job = run(world, "resend", [waiting, gone, ambiguous])
    sent = {row.ticket_id: row for row in Delivery.objects.filter(resent_from__isnull=False)}
    later = clock.now() + timedelta(seconds=accounts.undo_seconds(world.ada) - 3)
    assert all((row.next_attempt_at or later) > later for row in sent.values())
    world.outcome(sent[gone.pk], "250 2.0.0 Ok")
    world.outcome(sent[ambiguous.pk], "451 4.3.0 Later")
    Delivery.objects.filter(pk=sent[ambiguous.pk].pk).update(ambiguous=True)
    back = jobs.undo(job, world.bruno)
    work_jobs.once()
    delivery_events.react()
    assert told(back) == [
        (ambiguous.pk, "skipped", "sent_already"),
        (gone.pk, "skipped", "sent_already"),
        (waiting.pk, "done", "taken_back"),
    ]
    [chain] = standing.open_failures(waiting.pk)
    assert (chain.newest.state, chain.code) == ("failed", "554 5.7.1")  # as before, with what the server said
    assert Event.objects.filter(ticket=waiting, kind="DeliveryFailure").count() == 1
    assert Delivery.objects.filter(kind="agent").count() == alarms
    waiting.refresh_from_db()
    assert (waiting.delivery_health, waiting.tags.filter(name=FAILURE_TAG).exists()) == ("failed", True)
    assert FailureChange.objects.get(delivery__ticket=waiting, open=True).delivery == chain.newest
    assert told(run(world, "resend", [waiting])) == [(waiting.pk, "done", "resent")]  # and may go once more


def test_what_was_all_sent_has_no_way_back(world: World) -> None:
    ticket = failing(world, "a@customer.example")
    job = run(world, "resend", [ticket])
    assert jobs.may_undo(job)
    world.outcome(Delivery.objects.latest("id"), "250 2.0.0 Ok")
    assert not jobs.may_undo(job)


def test_one_form_starts_one_job(world: World) -> None:
    ticket = failing(world, "a@customer.example")
    chosen = targets.of_tickets("resend", [ticket.pk])
    first = jobs.start("resend", chosen, world.ada, key="form-1")
    again = jobs.start("resend", chosen, world.ada, key="form-1")
    work_jobs.once()
    assert again == first
    assert Job.objects.count() == 1
    assert recipients_of(ticket) == ["a@customer.example"] * 2


def test_a_second_job_makes_no_second_resend(world: World) -> None:
    ticket = failing(world, "a@customer.example")
    run(world, "resend", [ticket])
    job = run(world, "resend", [ticket])
    assert told(job) == [(ticket.pk, "skipped", "no_failure")]
    assert len(recipients_of(ticket)) == 2


def test_of_a_chain_that_failed_twice_only_the_newest_goes_again(world: World) -> None:
    ticket = failing(world, "a@customer.example")
    run(world, "resend", [ticket])
    world.outcome(world.delivery_to(world.clara), REFUSED)
    job = run(world, "resend", [ticket])
    assert told(job) == [(ticket.pk, "done", "resent")]
    assert len(recipients_of(ticket)) == 3


def test_a_crash_in_an_item_leaves_it_to_be_picked_up_and_nothing_is_done_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = failing(world, "a@customer.example"), failing(world, "b@customer.example")
    job = jobs.start("resend", targets.of_tickets("resend", [first.pk, second.pk]), world.ada)

    class PowerCut(BaseException):
        pass

    def die(item: JobItem, result: object) -> None:
        raise PowerCut

    with monkeypatch.context() as cut:
        cut.setattr(jobs, "_note", die)
        with pytest.raises(PowerCut):
            jobs.work()
    assert recipients_of(first) == ["a@customer.example"]
    work_jobs.once()
    assert [state for _, state, _ in told(job)] == ["done", "done"]
    assert recipients_of(first) == ["a@customer.example"] * 2


def test_an_error_of_ours_fails_its_item_alone_and_can_be_started_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = failing(world, "a@customer.example"), failing(world, "b@customer.example")
    resend = recover.resend

    def breaks_once(delivery_ids: Any, by: Any) -> Any:
        if Delivery.objects.filter(pk__in=delivery_ids, ticket=first).exists():
            raise ZeroDivisionError
        return resend(delivery_ids, by)

    with monkeypatch.context() as trouble:
        trouble.setattr(recover, "resend", breaks_once)
        job = run(world, "resend", [first, second])
    assert told(job) == [(first.pk, "failed", "unexpected"), (second.pk, "done", "resent")]
    again = jobs.start_again(job, world.ada)
    assert jobs.start_again(job, world.ada) == again
    work_jobs.once()
    assert (again.origin, told(again)) == (job, [(first.pk, "done", "resent")])


def test_cancelled_it_does_no_more_and_the_rest_can_be_started_again(world: World) -> None:
    tickets = [failing(world, f"{name}@customer.example") for name in "abc"]
    job = jobs.start("resend", targets.of_tickets("resend", [one.pk for one in tickets]), world.ada)
    jobs.work(seconds=0)
    jobs.cancel(job, world.bruno)
    work_jobs.once()
    job.refresh_from_db()
    assert (job.status, job.cancelled_by) == ("killed", world.bruno)
    assert [reason for _, _, reason in told(job)] == ["resent", "cancelled", "cancelled"]
    with pytest.raises(jobs.NotPossibleError):
        jobs.cancel(job, world.bruno)
    rest = jobs.start_again(job, world.ada)
    work_jobs.once()
    assert [state for _, state, _ in told(rest)] == ["done", "done"]


def test_an_address_that_is_known_to_fail_is_left_out_until_it_is_marked_deliverable(world: World) -> None:
    ticket = failing(world, "a@customer.example", "550 5.1.1 User unknown")
    assert told(run(world, "resend", [ticket])) == [(ticket.pk, "skipped", "suppressed")]
    job = run(world, "mark_deliverable", [ticket], note="They say it works", and_send=True)
    assert told(job) == [(ticket.pk, "done", "deliverable_and_sent")]
    assert recipients_of(ticket) == ["a@customer.example"] * 2


def test_held_mail_goes_once_its_address_is_deliverable(world: World) -> None:
    failing(world, "a@customer.example", "550 5.1.1 User unknown")
    second = world.ticket()
    world.answer(second)
    held = world.delivery_to(world.clara)
    assert held.state == "held"
    run(world, "mark_deliverable", [second], note="Asked them", and_send=True)
    held.refresh_from_db()
    assert held.state == "queued"


def test_what_a_trigger_holds_is_released_and_what_is_not_held_is_told(world: World) -> None:
    ticket, other, without = world.ticket(), world.ticket(), world.ticket()
    for one in (ticket, other):
        world.answer(one)
    held, freed = (Delivery.objects.get(ticket=one, kind="answer") for one in (ticket, other))
    lifecycle.decide([held.pk, freed.pk], Fact.HOLD, reason="rule:VIPs wait")
    delivery_events.react()
    chosen = targets.of_tickets("release", [ticket.pk, other.pk, without.pk])
    job = jobs.start("release", chosen, world.ada)
    recover.release(freed.pk, world.bruno)  # somebody is quicker
    work_jobs.once()
    assert told(job) == [
        (ticket.pk, "done", "released"),
        (other.pk, "skipped", "not_held"),
        (without.pk, "skipped", "nothing_held"),
    ]
    held.refresh_from_db()
    assert held.state == "queued"
    assert ticket.audits.filter(events__kind="DeliveryNote", events__data__note="released").count() == 1
    assert not jobs.may_undo(job)


def test_what_was_released_is_held_again_while_it_waits(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    lifecycle.decide([delivery.pk], Fact.HOLD, reason="rule:Look first")
    job = run(world, "release", [ticket])
    delivery.refresh_from_db()
    assert delivery.state == "queued"
    back = jobs.undo(job, world.ada)
    work_jobs.once()
    delivery.refresh_from_db()
    assert told(back) == [(ticket.pk, "done", "held_again")]
    assert (delivery.state, delivery.hold_reason) == ("held", "rule:Look first")
    job = run(world, "release", [ticket])
    delivery.refresh_from_db()
    world.outcome(delivery, "250 2.0.0 Ok")
    assert not jobs.may_undo(job)


@pytest.mark.parametrize("and_send", [False, True])
def test_marked_deliverable_and_taken_back(world: World, and_send: bool) -> None:
    ticket = failing(world, "a@customer.example", "550 5.1.1 User unknown")
    before = identities.find("a@customer.example")
    job = run(world, "mark_deliverable", [ticket], note="They say so", and_send=and_send)
    back = jobs.undo(job, world.bruno)
    work_jobs.once()
    reason = "suppressed_again_unsent" if and_send else "suppressed_again"
    assert told(back) == [(ticket.pk, "done", reason)]
    after = identities.find("a@customer.example")
    assert before
    assert after
    assert [getattr(after, name) for name in identities.KNOWN] == [getattr(before, name) for name in identities.KNOWN]
    assert after.ledger.latest("id").by == world.bruno
    [chain] = standing.open_failures(ticket.pk)
    assert (chain.newest.state, chain.code) == ("failed", "550 5.1.1")


def test_held_mail_that_was_let_go_is_held_for_its_address_again(world: World) -> None:
    failing(world, "a@customer.example", "550 5.1.1 User unknown")
    held = world.ticket()
    world.answer(held)
    delivery = world.delivery_to(world.clara)
    assert delivery.state == "held"
    back = jobs.undo(run(world, "mark_deliverable", [held], note="They say so", and_send=True), world.ada)
    work_jobs.once()
    delivery.refresh_from_db()
    assert told(back) == [(held.pk, "done", "suppressed_again_unsent")]
    assert (delivery.state, delivery.hold_reason, delivery.enhanced_code) == ("held", "suppressed", "5.1.1")


def test_an_address_that_has_proved_to_work_stays_deliverable(world: World) -> None:
    ticket = failing(world, "a@customer.example", "550 5.1.1 User unknown")
    job = run(world, "mark_deliverable", [ticket], note="They say so", and_send=True)
    world.outcome(Delivery.objects.latest("id"), "250 2.0.0 Ok")
    back = jobs.undo(job, world.ada)
    work_jobs.once()
    assert told(back) == [(ticket.pk, "skipped", "changed_since")]
    identity = identities.find("a@customer.example")
    assert identity
    assert identity.deliverability == "deliverable"


def test_an_address_that_complained_is_left_to_the_agent(world: World) -> None:
    ticket = failing(world, "a@customer.example", "250 2.0.0 Ok")
    delivery = Delivery.objects.get(ticket=ticket, kind="answer")
    world.report(delivery, "250 2.0.0 complaint", Action.COMPLAINT)
    world.report(delivery, "550 5.1.1 User unknown")
    job = run(world, "mark_deliverable", [ticket], note="They say it works", and_send=True)
    assert told(job) == [(ticket.pk, "skipped", "complaint")]
    assert len(recipients_of(ticket)) == 1


def test_handled_and_taken_back(world: World) -> None:
    ticket = failing(world, "a@customer.example")
    job = run(world, "mark_handled", [ticket], note="Called them all")
    ticket.refresh_from_db()
    assert (ticket.delivery_health, Resolution.objects.get().note) == ("", "Called them all")
    assert jobs.may_undo(job)
    back = jobs.undo(job, world.bruno)
    assert jobs.undo(job, world.bruno) == back
    work_jobs.once()
    ticket.refresh_from_db()
    assert told(back) == [(ticket.pk, "done", "open_again")]
    assert (ticket.delivery_health, back.undo, back.origin) == ("failed", True, job)
    assert ticket.tags.filter(name=FAILURE_TAG).exists()


def test_reassigned_and_taken_back_except_what_somebody_changed_since(world: World) -> None:
    first, second, closed = world.ticket(), world.ticket(), world.ticket()
    Ticket.objects.filter(pk=closed.pk).update(status="closed")
    job = run(world, "reassign", [first, second, closed], assignee=world.bruno.pk)
    assert [reason for _, _, reason in told(job)] == ["changed", "changed", "closed"]
    first.refresh_from_db()
    assert (first.assignee, first.status) == (world.bruno, "open")
    run(world, "reassign", [second], assignee=world.ada.pk)
    back = jobs.undo(job, world.ada)
    work_jobs.once()
    first.refresh_from_db()
    second.refresh_from_db()
    assert told(back) == [(second.pk, "skipped", "changed_since"), (first.pk, "done", "changed_back")]
    assert (first.assignee, first.status) == (None, "new")
    assert second.assignee == world.ada


def test_status_tags_and_a_note_for_many(world: World) -> None:
    tickets = [world.ticket(), world.ticket()]
    note = {"text": "The relay was down this morning.", "public": False}
    job = run(world, "update_tickets", tickets, status="solved", add_tags=["outage"], comment=note)
    for ticket in tickets:
        ticket.refresh_from_db()
        assert ticket.status == "solved"
        assert ticket.tags.filter(name="outage").exists()
        assert ticket.comments.filter(text=note["text"], public=False).count() == 1
    jobs.undo(job, world.ada)
    work_jobs.once()
    tickets[0].refresh_from_db()
    assert (tickets[0].status, tickets[0].tags.count(), tickets[0].comments.count()) == ("new", 0, 2)


def test_swapped_domain_reaches_the_failed_and_nobody_else(world: World) -> None:
    ticket = failing(world, "anna@old.example", "550 5.1.2 Bad destination system")
    other = failing(world, "ben@elsewhere.example")
    job = run(world, "swap_domain", [ticket, other], old="old.example", new="new.example")
    assert told(job) == [(ticket.pk, "done", "swapped"), (other.pk, "skipped", "other_domain")]
    assert recipients_of(ticket) == ["anna@old.example", "anna@new.example"]
    assert identities.find("anna@new.example") is not None
    world.outcome(Delivery.objects.latest("id"), "250 2.0.0 Ok")
    back = jobs.undo(job, world.ada)
    work_jobs.once()
    assert told(back) == [(ticket.pk, "done", "swapped_back")]
    assert identities.find("anna@new.example") is None
    assert Delivery.objects.get(recipient="anna@new.example").state == "accepted"  # what was sent stays sent


def test_swapped_domain_is_taken_back_before_anything_was_sent(world: World) -> None:
    ticket = failing(world, "anna@old.example", "550 5.1.2 Bad destination system")
    back = jobs.undo(run(world, "swap_domain", [ticket], old="old.example", new="new.example"), world.ada)
    work_jobs.once()
    assert told(back) == [(ticket.pk, "done", "swapped_back_unsent")]
    assert identities.find("anna@old.example") is not None
    assert Delivery.objects.get(recipient="anna@new.example").state == "cancelled"
    [chain] = standing.open_failures(ticket.pk)
    assert (chain.newest.recipient, chain.code) == ("anna@old.example", "550 5.1.2")


def test_swapped_domain_minds_who_has_the_new_address(world: World) -> None:
    both = failing(world, "anna@old.example", "550 5.1.2 Bad destination system")
    identities.add(world.clara, "anna@new.example", world.ada)
    anna = world.clara
    taken = failing(world, "ben@old.example", "550 5.1.2 Bad destination system")
    customer("ben@new.example")
    job = run(world, "swap_domain", [both, taken], old="old.example", new="new.example")
    assert told(job) == [(both.pk, "done", "swapped"), (taken.pk, "skipped", "address_taken")]
    assert sorted(anna.identities.values_list("address", "primary")) == [
        ("anna@new.example", True),
        ("anna@old.example", False),
    ]
    jobs.undo(job, world.ada)
    work_jobs.once()
    assert identities.primary_of(anna) == identities.find("anna@old.example")


def test_two_failures_of_one_person_swap_the_address_once(world: World) -> None:
    first = failing(world, "anna@old.example", "554 5.7.1 Refused")
    second = world.ticket()
    world.outcome(world.delivery_to(world.clara, world.answer(second)), "554 5.7.1 Refused")
    job = run(world, "swap_domain", [first, second], old="old.example", new="new.example")
    assert [state for _, state, _ in told(job)] == ["done", "done"]
    assert recipients_of(second) == ["anna@old.example", "anna@new.example"]
    assert identities.find("anna@new.example").ledger.filter(kind="corrected").count() == 1  # type: ignore[union-attr]


def test_a_job_of_nothing_is_not_started(world: World) -> None:
    with pytest.raises(jobs.NothingToDoError):
        jobs.start("resend", [], world.ada)
