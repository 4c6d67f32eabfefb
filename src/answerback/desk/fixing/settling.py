"""A person says that a failure needs nothing more, or that it does after all. Callers hold the delivery locked."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from answerback.core import dates
from answerback.desk import ticket_health
from answerback.desk.fixing import fix_facts
from answerback.desk.running_rules import effects
from answerback.desk.telling import notices
from answerback.outbound import resolutions, standing
from answerback.outbound.models import Delivery, Resolution
from answerback.people.models import Account
from answerback.tickets import update
from answerback.tickets.changes import NewComment
from answerback.tickets.models import Ticket

How = Resolution.How
SAID = (How.HANDLED, How.PHONED, How.REPLIED)  # may be taken back: the mail itself is still undelivered


def settle(delivery: Delivery, how: str, by: Account, note: str = "", by_delivery: Delivery | None = None) -> bool:
    """The failure is no longer open; the event log says who, how and why. False where it was not open."""
    if not _resolve(delivery, how, by, note, by_delivery):
        return False
    fix_facts.tell(delivery.ticket_id, [fix_facts.resolution(delivery, how, by, note=note)], by)
    return True


def settle_by_phone(delivery: Delivery, by: Account, note: str) -> bool:
    """The same, with an internal note in the agent's language; a closed ticket takes none, and only tells it."""
    if not _resolve(delivery, How.PHONED, by, note):
        return False
    fact = fix_facts.resolution(delivery, How.PHONED, by, note=note)
    ticket = Ticket.objects.filter(pk=delivery.ticket_id or 0).first()
    if ticket is None or ticket.status == Ticket.Status.CLOSED:
        fix_facts.tell(delivery.ticket_id, [fact], by)
        return True
    comment = NewComment(author=by.person, public=False, text=_phone_note(delivery, by, note))
    changes = replace(ticket_health.changes_for(ticket.pk, [fact]), comment=comment)
    if audit := update.apply(ticket.pk, changes, by.person, "web"):
        effects.run(audit)
    notices.settle(ticket.pk)
    return True


def may_be_opened_again(delivery: Delivery) -> bool:
    """What a person said of it may be taken back, unless the same mail has arrived since."""
    resolution = standing.resolution_of(delivery.pk)
    return resolution is not None and resolution.how in SAID and not standing.chain_of(delivery).arrived


def open_again(delivery: Delivery, by: Account) -> list[Resolution]:
    """All that was settled with it is open again, and tag, views and health come back. Gives what was taken back."""
    if not may_be_opened_again(delivery):
        return []
    taken_back = resolutions.revoke(standing.chain_of(delivery).deliveries, SAID)
    fix_facts.tell(delivery.ticket_id, [fix_facts.note(delivery, ticket_health.OPEN_AGAIN, by)], by)
    return taken_back


def _resolve(delivery: Delivery, how: str, by: Account, note: str, by_delivery: Delivery | None = None) -> bool:
    """With all of its chain: a mail that failed, was sent again and failed again is one failure to people."""
    chain = standing.chain_of(delivery)
    if delivery not in chain.failures:
        return False
    for failed in chain.failures:
        resolutions.resolve(failed, how, by=by, by_delivery=by_delivery, note=note)
    return True


def _phone_note(delivery: Delivery, by: Account, note: str) -> str:
    with translation.override(by.person.language or settings.LANGUAGE_CODE):
        phone = delivery.person.phone if delivery.person else ""
        names = {
            "name": standing.name_of(delivery) + (f" ({phone})" if phone else ""),
            "day": dates.full_day(delivery.queued_at),
            "cause": " ".join(filter(None, [standing.cause_name(delivery.cause), standing.code_of(delivery)])),
        }
        said = gettext("I reached %(name)s by phone. The mail of %(day)s had not arrived: %(cause)s.") % names
    return "\n\n".join(filter(None, [said, note]))
