"""The cast: agent Ada, lead Bruno, requester Clara, CC Deniz, and an outsider who must see nothing.

    world = make_world()
    ticket = world.ticket(ccs=[world.deniz])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from answerback.core import clock
from answerback.desk import defaults, new_ticket
from answerback.desk.reply import Reply, comment_of, reply
from answerback.outbound.models import Delivery
from answerback.people import accounts, identities
from answerback.people.models import Account, Group, Person
from answerback.tickets import update
from answerback.tickets.changes import NewComment, NewTicket
from answerback.tickets.models import Comment, SupportAddress, Ticket

PASSWORD = "correct horse battery"  # noqa: S105


@dataclass
class World:
    support: SupportAddress
    group: Group
    ada: Account
    bruno: Account
    clara: Person
    deniz: Person
    outsider: Person

    def ticket(self, subject: str = "Printer on fire", ccs: Sequence[Person] = ()) -> Ticket:
        """What Clara wrote, without the mail it came in and without triggers."""
        comment = NewComment(author=self.clara, public=True, text="It burns. Please help.")
        new = NewTicket(subject, self.clara, self.clara, self.support, "email", comment=comment, ccs=ccs)
        return update.create(new).ticket

    def proactive_ticket(self, text: str = "Your order is ready.") -> Ticket:
        """A ticket Ada opens: mailed at once."""
        comment = comment_of(self.ada.person, Reply(text=text, public=True))
        new = NewTicket("Your order", self.clara, self.ada.person, self.support, "web", comment=comment)
        return new_ticket.open_ticket(new).ticket

    def answer(self, ticket: Ticket, text: str = "Use the blue bucket.") -> Comment:
        return reply(ticket.pk, Reply(text=text, public=True), self.ada).comment

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
