"""A mail becomes a ticket or a comment.

The order: what cannot or must not be taken is settled with a reason; the author's proof is asked from the network and
files are stored, both before the transaction; then, in one transaction, the ticket changes, triggers run, their mail
stands in the outbox, and the raw mail is settled. Either all of it happened or the mail is read again.

Status: what a customer writes wakes a pending, on-hold or solved ticket; a closed one stays closed and gets a linked
follow-up. Automatic replies wake nothing and set off nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from answerback.core import live
from answerback.desk.arriving import arrival as arrivals
from answerback.desk.arriving import suspicion, threads
from answerback.desk.arriving.arrival import Arrival, Content
from answerback.desk.arriving.spoken_language import spoken_language
from answerback.desk.arriving.threads import Thread
from answerback.desk.running_rules import effects
from answerback.outbound import providers
from answerback.people import identities
from answerback.people.models import Account, Identity, Person
from answerback.search import documents
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets import addresses as support_addresses
from answerback.tickets import merged, update
from answerback.tickets.changes import UNSET, Changes, NewAttachment, NewComment, NewTicket, Unset
from answerback.tickets.models import Audit, Comment, SupportAddress, Ticket
from mailroom import address as addresses
from mailroom import message, sorting
from mailroom.address import Address
from mailroom.fingerprint import fingerprint
from mailroom.message import Mail

VIA = "email"
RAW_MAIL_TOPIC = "rawmail"
ASLEEP = (Ticket.Status.PENDING, Ticket.Status.HOLD, Ticket.Status.SOLVED)
State = RawMail.State


class NoTicketPossibleError(ValueError):
    """An agent asked for a ticket, but the mail is in one already, or there is no support address."""


def take_in(raw_mail_id: int, mail: Mail, automatic: str = "", kind: str = "") -> None:
    """Make a ticket or a comment of a received mail, or settle it with the reason why not.

    `automatic`: why it does not count as a person's. `kind`: what it was sorted as.
    """
    raw_mail = RawMail.objects.defer("content").get(pk=raw_mail_id)
    author = arrivals.author_of(raw_mail, mail)
    if refusal := _refusal(raw_mail, mail, author):
        settle(raw_mail_id, *refusal, message_id=mail.message_id, kind=kind)
        return
    assert author is not None  # else it was refused
    reason = suspicion.of_mail(mail, author)
    if not reason:
        arrival = arrivals.read(raw_mail, mail, automatic, author, kind)
        reason = suspicion.of_proof(arrival)
    if reason:
        settle(raw_mail_id, State.SUSPENDED, reason, message_id=mail.message_id, kind=kind)
        return
    _take(arrival)


def take_in_automatic(raw_mail_id: int, mail: Mail, reason: str, automatic: str, kind: str = "") -> None:
    """Show an automatic reply on its ticket as an internal comment; without one, `reason` settles it.

    It belongs to a ticket by its reply token, or by the return path of the delivery that it answers (RFC 3834 §4).
    """
    raw_mail = RawMail.objects.defer("content").get(pk=raw_mail_id)
    found = _answered_automatically(raw_mail)
    if found is None or found[0].status == Ticket.Status.CLOSED:
        settle(raw_mail_id, State.IGNORED, f"{reason}: {automatic}", message_id=mail.message_id, kind=kind)
        return
    ticket, person = found
    key = _arrival_key(raw_mail, mail)
    if earlier := _same_before(key):
        settle(raw_mail_id, State.IGNORED, f"duplicate: of mail {earlier}", message_id=mail.message_id, kind=kind)
        return
    content = arrivals.content_of(mail)
    comment = NewComment(
        author=person,
        public=False,
        sender=str(mail.from_ or ""),
        trust=Comment.Trust.UNVERIFIED,
        raw_mail_id=raw_mail_id,
        message_id=mail.message_id,
        automatic=automatic,
        text=content.text,
        html=content.html,
        quoted_text=content.quoted_text,
        quoted_html=content.quoted_html,
    )
    with transaction.atomic():
        if not _still_received(raw_mail_id):
            return
        update.apply(ticket.pk, Changes(comment=comment), person, VIA)
        documents.refresh(ticket.pk)
        settle(
            raw_mail_id,
            State.TICKET,
            reason,
            ticket_id=ticket.pk,
            message_id=mail.message_id,
            kind=kind,
            arrival_key=key,
        )


def recover(raw_mail_id: int) -> int:
    """A person wants a suspended mail: it goes where it would have gone. Gives its ticket. NoTicketPossibleError."""
    raw_mail = RawMail.objects.select_related("blob").filter(pk=raw_mail_id, state=State.SUSPENDED).first()
    if raw_mail is None:
        raise NoTicketPossibleError(raw_mail_id)
    mail = message.parse(raw.content(raw_mail), arrivals.limits())
    author = arrivals.author_of(raw_mail, mail)
    if author is None or _refusal(raw_mail, mail, author):
        raise NoTicketPossibleError(raw_mail_id)
    automatic = sorting.automatic_reason(mail, raw.reverse_path(raw_mail))
    _take(arrivals.read(raw_mail, mail, automatic, author, raw_mail.kind), again=True)
    return RawMail.objects.values_list("ticket_id", flat=True).get(pk=raw_mail_id) or 0


def make_ticket(raw_mail_id: int, by: Account) -> Ticket:
    """An agent wants a ticket of a mail that came to nothing, whatever spoke against it. NoTicketPossibleError.

    It begins a conversation of its own; where no author can be read, the agent stands in.
    """
    raw_mail = RawMail.objects.select_related("blob").get(pk=raw_mail_id)
    if providers.of_doorway(raw_mail.doorway):
        raise NoTicketPossibleError(raw_mail_id)  # no mail, but what a mail service tells of one
    mail = message.parse(raw.content(raw_mail), arrivals.limits())
    author = arrivals.author_of(raw_mail, mail)
    if author is None or addresses.syntax_problem(author.spec) or arrivals.is_ours(author):
        author = addresses.parse_address(by.email)
    if author is None or _support_address(raw_mail) is None:
        raise NoTicketPossibleError(raw_mail_id)
    arrival = arrivals.read(raw_mail, mail, "by-hand", author)
    content, files = arrivals.content_of(mail), arrivals.write_files(mail)
    with transaction.atomic():
        if not raw.reopen(raw_mail_id):
            raise NoTicketPossibleError(raw_mail_id)
        arrivals.save_files(files)
        audit = _open(arrival, content, files, None)
        settle(raw_mail_id, State.TICKET, ticket_id=audit.ticket_id, message_id=mail.message_id)
    return audit.ticket


def settle(
    raw_mail_id: int,
    state: str,
    reason: str = "",
    *,
    kind: str = "",
    ticket_id: int | None = None,
    message_id: str = "",
    arrival_key: str = "",
) -> bool:
    """Say what became of the mail, and tell open pages. False where somebody else had settled it."""
    with transaction.atomic():
        settled = raw.settle(
            raw_mail_id,
            state,
            reason=reason,
            kind=kind,
            ticket_id=ticket_id,
            message_id=message_id,
            arrival_key=arrival_key,
        )
        live.publish(RAW_MAIL_TOPIC)
    return settled


def _refusal(raw_mail: RawMail, mail: Mail, author: Address | None) -> tuple[str, str] | None:
    """State and reason of a mail that becomes no ticket. None where nothing speaks against it."""
    hops = len(mail.raw_headers("Received"))
    if hops > settings.MAX_HOPS:
        return State.UNREADABLE, f"loop-hops: {hops} Received fields"
    if threads.is_own_message(mail.message_id):
        return State.UNREADABLE, f"loop-own-message: {mail.message_id}"
    if not (mail.text.strip() or mail.html.strip() or mail.attachments or mail.subject.strip()):
        return State.UNREADABLE, "empty"
    if author is None:
        return State.UNREADABLE, "no-sender"
    if problem := addresses.syntax_problem(author.spec):
        return State.UNREADABLE, f"bad-sender: {problem}"
    if arrivals.is_ours(author):
        return State.UNREADABLE, f"loop-own-address: {author.spec}"
    if _support_address(raw_mail) is None:
        return State.UNREADABLE, "no-support-address"
    if earlier := _same_before(_arrival_key(raw_mail, mail)):
        return State.IGNORED, f"duplicate: of mail {earlier}"
    return None


def _same_before(key: str) -> int | None:
    """The mail that came before with this message, to the same address: its sender did not hear our 250, or it came
    by another door. One that only borrows a Message-ID is another message."""
    same = RawMail.objects.filter(arrival_key=key, state=State.TICKET) if key else RawMail.objects.none()
    return same.values_list("pk", flat=True).first()


def _arrival_key(raw_mail: RawMail, mail: Mail) -> str:
    """What `_same_before` finds it by: the message, and the support addresses that it came to. "" where nothing can."""
    message_key = fingerprint(mail)
    found = (support_addresses.support_address_for(recipient) for recipient in raw_mail.envelope_to)
    reached = sorted({str(address.pk) for address, _token in filter(None, found)})
    return hashlib.sha256(",".join([message_key, *reached]).encode()).hexdigest() if message_key else ""


def _take(arrival: Arrival, again: bool = False) -> None:
    """`again`: it was settled before, and is taken back from there."""
    content, files = arrivals.content_of(arrival.mail), arrivals.write_files(arrival.mail)
    key = _arrival_key(arrival.raw, arrival.mail)
    try:
        with transaction.atomic():
            if not (raw.reopen(arrival.raw.pk) if again else _still_received(arrival.raw.pk)):
                return  # another worker, or person, was quicker
            arrivals.save_files(files)
            thread = threads.find(arrival)
            audit = _join(arrival, content, files, thread) if thread else _open(arrival, content, files, None)
            settle(
                arrival.raw.pk,
                State.TICKET,
                kind=arrival.kind,
                ticket_id=audit.ticket_id,
                message_id=arrival.mail.message_id,
                arrival_key=key,
            )
    except IntegrityError:
        earlier = _same_before(key)
        if earlier is None:
            raise
        # it came by two doors at once, and the other one was quicker
        settle(arrival.raw.pk, State.IGNORED, f"duplicate: of mail {earlier}", message_id=arrival.mail.message_id)


def _still_received(raw_mail_id: int) -> bool:
    """Lock the row for the transaction: one mail has its effect once, whoever reads it."""
    return RawMail.objects.select_for_update().filter(pk=raw_mail_id, state=State.RECEIVED).exists()


def _join(arrival: Arrival, content: Content, files: Sequence[NewAttachment], thread: Thread) -> Audit:
    """Add a comment to the ticket; to a closed one, add a follow-up ticket."""
    ticket = Ticket.objects.select_for_update(no_key=True).get(pk=thread.ticket.pk)
    if ticket.merged_into_id and (goes_on := threads.find(arrival)) and goes_on.ticket != ticket:
        return _join(arrival, content, files, goes_on)  # it was merged while we looked
    if ticket.status == Ticket.Status.CLOSED:
        return _open(arrival, content, files, ticket)
    author = _author_identity(arrival).person
    comment = _comment(arrival, content, files, author, thread.public, thread.trust)
    confirmed, waiting = _newcomers(arrival, ticket) if thread.public else ([], [])
    changes = Changes(comment=comment, status=_woken(ticket), add_ccs=confirmed, unconfirmed_ccs=waiting)
    audit = update.apply(ticket.pk, changes, author, VIA)
    assert audit is not None  # a comment is always something
    effects.run(audit)
    return audit


def _open(arrival: Arrival, content: Content, files: Sequence[NewAttachment], closed: Ticket | None) -> Audit:
    """Begin a conversation. What claims to be an agent's without proof stays internal."""
    support = _support_address(arrival.raw)
    assert support is not None  # else it was refused
    author = _author_identity(arrival).person
    public = arrival.proof.aligned or threads.account_of(author) is None
    confirmed, waiting = _newcomers(arrival, None)
    audit = update.create(
        NewTicket(
            subject=_subject(arrival, content, author.language or support.language),
            requester=author,
            submitter=author,
            support_address=support,
            via=VIA,
            comment=_comment(arrival, content, files, author, public, threads.own_trust(arrival)),
            ccs=confirmed,
            unconfirmed_ccs=waiting,
            follow_up_of=closed,
        )
    )
    effects.run(audit)
    return audit


def _comment(
    arrival: Arrival, content: Content, files: Sequence[NewAttachment], author: Person, public: bool, trust: str
) -> NewComment:
    return NewComment(
        author=author,
        public=public,
        attachments=files,
        trust=trust,
        sender=raw.storable(arrival.sender, 320),
        authenticated_domain=arrival.proof.from_domain if arrival.proof.aligned else "",
        raw_mail_id=arrival.raw.pk,
        message_id=raw.storable(arrival.mail.message_id, 998),
        automatic=arrival.automatic,
        text=content.text,
        html=content.html,
        quoted_text=content.quoted_text,
        quoted_html=content.quoted_html,
    )


def _newcomers(arrival: Arrival, ticket: Ticket | None) -> tuple[list[Person], list[Person]]:
    """People the mail names who are not on the ticket: (those who are CCs at once, those who wait for a click).

    Automatic mail brings nobody along.
    """
    if arrival.automatic:
        return [], []
    there = set(ticket.participants.values_list("person_id", flat=True)) if ticket else set()
    named = [identities.find_or_create(other.spec, other.name).person for other in arrivals.others_named(arrival)]
    people = [person for person in dict.fromkeys(named) if person.pk not in there]
    return (people, []) if arrival.proof.aligned else ([], people)


def _author_identity(arrival: Arrival) -> Identity:
    author = arrival.author
    language = spoken_language(arrival.mail)
    return identities.find_or_create(author.spec, raw.storable(author.name, 200), language)


def _woken(ticket: Ticket) -> str | Unset:
    return Ticket.Status.OPEN if ticket.status in ASLEEP else UNSET


def _subject(arrival: Arrival, content: Content, language: str) -> str:
    """The mail's, else its first words, else words of ours."""
    subject = arrival.mail.subject.strip() or content.text.strip().partition("\n")[0][:100].strip()
    if not subject:
        with translation.override(language):
            subject = _("(no subject)")
    return raw.storable(subject, 500)


def _support_address(raw_mail: RawMail) -> SupportAddress | None:
    """The first support address among the recipients; for postmaster, abuse and the pipe the default one."""
    for recipient in raw_mail.envelope_to:
        if found := support_addresses.support_address_for(recipient):
            return found[0]
    return support_addresses.default_support_address()


def _answered_automatically(raw_mail: RawMail) -> tuple[Ticket, Person] | None:
    """The ticket and person that an automatic reply is about."""
    if bound := threads.token_participant(raw_mail.envelope_to):
        return merged.final(bound.ticket), bound.person
    delivery = threads.returned_delivery(raw_mail.envelope_to)
    if delivery and delivery.ticket and delivery.person:
        return merged.final(delivery.ticket), delivery.person
    return None
