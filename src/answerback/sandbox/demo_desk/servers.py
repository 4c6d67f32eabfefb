"""What the customers' mail servers say: each try of a delivery is claimed, answered and recorded as the engine does it.

What a story says of a server is a line such as

    550 5.1.1 <anna@…>: no such user        a reply to RCPT
    dot: 554 5.7.1 looks like spam          a reply after the message; any stage of the dialogue may stand there
    connect: unreachable                    no reply at all; the words are those of `mailroom.smtp.trouble.Fault`

Where a story says nothing, the mail is accepted. Nothing said to a try (an empty list, or one that is too short) leaves
the delivery waiting: the engine will make that try when the demo runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from answerback.core import clock
from answerback.desk import delivery_events
from answerback.outbound import envelopes, lifecycle
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.outbound.told import Outcome
from answerback.sandbox import mailboxes
from answerback.sandbox.fates import OK
from mailroom.report import DeliveryReport, Stage
from mailroom.smtp import trouble
from mailroom.smtp.reply import Reply
from mailroom.smtp.trouble import Fault, Trouble
from mailroom.smtp.wire import Envelope

OWNER = "demo"
ACCEPTED = "250 2.0.0 Ok: queued as {queue_id}"
TAKES = timedelta(seconds=6)  # from the outbox to the server's word
_LEASE = timedelta(minutes=15)

Words = Mapping[int, Sequence[str]]  # person id -> one line for each try


class Servers:
    """Every server of the customers. `carry` plays what is waiting until nothing more is said."""

    def __init__(self) -> None:
        self._seen = 0  # deliveries up to this id have their lines
        self._lines: dict[int, list[str]] = {}  # delivery id -> what is still to be said

    def carry(self, words: Words) -> None:
        """Carry the mail that waits since the last time, and what the desk's reaction adds to it."""
        if DeliveryEvent.objects.filter(handled_at__isnull=True).exists():  # asked first: it is cheaper than to react
            delivery_events.react()
        moment = clock.now()
        while due := self._due(words):
            moment = max([moment + TAKES, *(row.next_attempt_at for row in due if row.next_attempt_at)])
            with clock.at(moment):
                self._try(due)
                delivery_events.react()

    def _due(self, words: Words) -> list[Delivery]:
        """Waiting deliveries that a server will say something to, oldest first; new ones get their lines here."""
        fresh = Delivery.objects.filter(pk__gt=self._seen).order_by("id")
        for pk, person_id in fresh.values_list("pk", "person_id"):
            self._lines[pk] = list(words.get(person_id or 0, [ACCEPTED]))
            self._seen = pk
        expected = [pk for pk, lines in self._lines.items() if lines]
        if not expected:
            return []
        waiting = Delivery.objects.filter(pk__in=expected, next_attempt_at__isnull=False)
        return list(waiting.order_by("id").defer("header"))

    def _try(self, rows: list[Delivery]) -> None:
        """One try of each."""
        sent = {envelope.id: envelope for envelope in envelopes.load([row.pk for row in rows])}
        attempts = lifecycle.claim([row.pk for row in rows], OWNER, clock.now() + _LEASE)
        outcomes = []
        for row in rows:
            line = (
                self._lines[row.pk]
                .pop(0)
                .format(
                    rcpt=row.recipient,
                    domain=row.recipient.rpartition("@")[2],
                    queue_id=f"{row.pk * 7919 + 0x4F0000:X}",
                )
            )
            report = what_is_said(line, row.recipient)
            _put_into_mailbox(sent[row.pk], line, report)
            outcomes.append(Outcome(row.pk, report, OWNER, attempts[row.pk], next_hop_is_final=True))
        lifecycle.record(outcomes)


def what_is_said(line: str, recipient: str) -> DeliveryReport:
    """A line of a story as our SMTP client reports it."""
    remote = f"mx.{recipient.rpartition('@')[2]}"
    stage, words = _stage_and_words(line)
    if words in set(Fault):
        return trouble.report(Trouble(stage, fault=Fault(words), remote=remote), recipient, by_relay=False)
    reply = Reply(int(words[:3]), (words,))
    if reply.code < 400:
        return trouble.accepted(reply, recipient, remote)
    return trouble.report(Trouble(stage, reply=reply, remote=remote), recipient, by_relay=False)


def _stage_and_words(line: str) -> tuple[Stage, str]:
    stage, _, words = line.partition(": ")
    return (Stage(stage), words) if stage in set(Stage) else (Stage.RCPT, line)


def _put_into_mailbox(envelope: Envelope, line: str, report: DeliveryReport) -> None:
    """The mailbox page shows what came, and every try that did not."""
    kept = report.reply_code is not None and report.reply_code < 400
    mailboxes.deliver(envelope.rcpt_to, envelope.mail_from, OK.name, line, envelope.content if kept else None)
