"""The cast: agent Ada, lead Bruno, requester Clara, CC Deniz, and an outsider who must see nothing.

world = make_world()
ticket = world.ticket(ccs=[world.deniz])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from answerback.core import clock
from answerback.desk import delivery_events
from answerback.desk.composing import new_ticket
from answerback.desk.composing.reply import Reply, comment_of, reply
from answerback.desk.running_rules import defaults
from answerback.outbound import lifecycle
from answerback.outbound.models import Delivery
from answerback.outbound.told import Outcome
from answerback.people import accounts, identities
from answerback.people.models import Account, Group, Person
from answerback.search import documents
from answerback.tickets import update
from answerback.tickets.changes import NewComment, NewTicket
from answerback.tickets.models import Comment, SupportAddress, Ticket
from mailroom.report import Action, DeliveryReport, Source, Stage
from mailroom.status import EnhancedStatus

PASSWORD = "correct horse battery"


@dataclass
class World:
    support: SupportAddress
    group: Group
    ada: Account
    bruno: Account
    clara: Person
    deniz: Person
    outsider: Person

    def ticket(
        self, subject: str = "Printer on fire", ccs: Sequence[Person] = (), requester: Person | None = None
    ) -> Ticket:
        """What Clara (or another) wrote, without the mail it came in and without triggers."""
        author = requester or self.clara
        comment = NewComment(author=author, public=True, text="It burns. Please help.")
        new = NewTicket(subject, author, author, self.support, "email", comment=comment, ccs=ccs)
        ticket = update.create(new).ticket
        documents.refresh(ticket.pk)
        return ticket

    def proactive_ticket(self, text: str = "Your order is ready.") -> Ticket:
        """A ticket Ada opens: mailed at once."""
        comment = comment_of(self.ada.person, Reply(text=text, public=True))
        new = NewTicket("Your order", self.clara, self.ada.person, self.support, "web", comment=comment)
        return new_ticket.open_ticket(new).ticket

    def answer(self, ticket: Ticket, text: str = "Use the blue bucket.", replaces: Sequence[int] = ()) -> Comment:
        return reply(ticket.pk, Reply(text=text, public=True, replaces=replaces), self.ada).comment

    def outcome(self, delivery: Delivery, text: str, final: bool = True) -> None:
        """A session that ends with `text`, such as "550 5.1.1 User unknown", and the desk's reaction."""
        attempts = lifecycle.claim([delivery.pk], "test", clock.now() + timedelta(minutes=15))
        code = int(text[:3])
        report = DeliveryReport(
            recipient=delivery.recipient,
            action=Action.FAILED if code >= 400 else Action.RELAYED,
            permanent=code >= 500,
            reply_code=code,
            status=EnhancedStatus.find(text),
            diagnostic=text,
            remote_mta="mx.customer.test",
            stage=Stage.RCPT,
        )
        outcome = Outcome(delivery.pk, report, "test", attempts[delivery.pk], next_hop_is_final=final)
        lifecycle.record([outcome])
        delivery_events.react()

    def report(self, delivery: Delivery, text: str, action: Action = Action.FAILED) -> None:
        """A delivery report that came back by mail, proved by the signed return path, and the desk's reaction."""
        report = DeliveryReport(
            recipient=delivery.recipient,
            action=action,
            permanent=action == Action.FAILED,
            reply_code=int(text[:3]),
            status=EnhancedStatus.find(text),
            diagnostic=text,
            source=Source.REPORT,
        )
        lifecycle.record([Outcome(delivery.pk, report, match="return_path")])
        delivery_events.react()

    def delivery_to(self, person: Person, comment: Comment | None = None) -> Delivery:
        """The newest delivery to the person (of the comment)."""
        rows = Delivery.objects.filter(person=person)
        if comment:
            rows = rows.filter(message__comment=comment)
        return rows.latest("id")


def make_world() -> World:
    defaults.install()
    group = Group.objects.create(name="Support")
    support = SupportAddress.objects.create(
        name="Acme Support",
        address="support@acme.test",
        normal="support@acme.test",
        group=group,
        language="en",
        default=True,
        created_at=clock.now(),
    )
    ada = accounts.create("ada@acme.test", "Ada Agent", PASSWORD, language="en")
    bruno = accounts.create("bruno@acme.test", "Bruno Lead", PASSWORD, role=Account.Role.ADMIN, language="de")
    group.members.add(ada, bruno)
    return World(
        support=support,
        group=group,
        ada=ada,
        bruno=bruno,
        clara=_person("clara@customer.test", "Clara Customer"),
        deniz=_person("deniz@customer.test", "Deniz Demir"),
        outsider=_person("eve@elsewhere.test", "Eve Else"),
    )


def _person(address: str, name: str) -> Person:
    return identities.find_or_create(address, name, "en").person
