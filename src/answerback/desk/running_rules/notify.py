"""From a trigger's wish to an outbox row: who is written to, in which words, under which name.

Policy (docs/architecture.md, "Answer or automatic"): a notification of an agent's public comment to requester and CCs
is an *answer*; everything else to customers is automatic and capped; mail to agents is a kind of its own. Nobody is
notified of a mail they wrote or stood in To/Cc of; automatic mail is never answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from answerback.desk.running_rules import placeholder_values
from answerback.desk.telling import responsible, told_already
from answerback.outbound import enqueue
from answerback.outbound.models import Message
from answerback.people import identities
from answerback.people.models import Account, Person
from answerback.rules import placeholders
from answerback.rules.effects import NotifyEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets import participants, update
from answerback.tickets.models import Attachment, Comment, Event, Participant
from mailroom import message as mail_message

ANSWER_PLACEHOLDERS = {"ticket.latest_public_comment", "ticket.latest_public_comment_html"}
Kind = Message.Kind


@dataclass(frozen=True)
class _Addressee:
    person: Person
    role: str  # "to", "cc"
    participant_role: str


def send(seen: Update, effect: NotifyEffect) -> None:
    """Put one notification into the outbox, if there is anybody to write to."""
    kind = _kind(seen, effect)
    addressees = _without_witnesses(_addressees(seen, effect.recipient), seen, kind)
    if kind == Kind.AGENT:
        told = told_already.people(seen, effect.rule.pk)
        addressees = [one for one in addressees if one.person.pk not in told]
    if _must_stay_silent(seen, kind):
        return
    event = update.add_event(
        seen.audit,
        Event.Kind.NOTIFICATION,
        {
            "trigger_id": effect.rule.pk,
            "trigger_title": effect.rule.title,
            "rule_kind": effect.rule.by.kind,
            "recipients": [addressee.person.pk for addressee in addressees],
            "message_kind": kind,
            "unattended": seen.unattended,
        },
    )
    if addressees:
        enqueue.enqueue([_notification(seen, effect, kind, addressees, event)])


def is_for_customers(effect: NotifyEffect) -> bool:
    return effect.recipient in ("requester_id", "requester_and_ccs")


def agents_for(seen: Update, recipient: str) -> list[Account]:
    """Whom the name of agents in a rule means in this update."""
    active = Account.objects.filter(is_active=True).select_related("person").order_by("pk")
    actor = seen.actor_account.pk if seen.actor_account else 0
    match recipient.partition(":"):
        case ("assignee_id", _, _):
            return list(active.filter(pk=seen.ticket.assignee_id)) if seen.ticket.assignee_id else []
        case ("current_user", _, _):
            return list(active.filter(pk=actor))
        case ("all_agents", _, _):
            return list(active.exclude(pk=actor))
        case ("supervisors", _, _):
            return [account for account in responsible.supervisors() if account.pk != actor]
        case ("group", _, group_id):
            return list(active.filter(groups__id=group_id).exclude(pk=actor))
        case ("user", _, account_id):
            return list(active.filter(pk=account_id))
    return []


def _kind(seen: Update, effect: NotifyEffect) -> str:
    if not is_for_customers(effect):
        return Kind.AGENT
    carries_comment = any(ANSWER_PLACEHOLDERS & placeholders.known(text) for text in effect.body.values())
    by_agent = seen.comment is not None and seen.comment.public and seen.actor_account is not None
    return Kind.ANSWER if carries_comment and by_agent else Kind.AUTOMATIC


def _must_stay_silent(seen: Update, kind: str) -> bool:
    """RFC 3834 §2: automatic mail is not answered automatically."""
    return kind == Kind.AUTOMATIC and seen.comment is not None and bool(seen.comment.automatic)


def _addressees(seen: Update, recipient: str) -> list[_Addressee]:
    if recipient in ("requester_id", "requester_and_ccs"):
        found = [_Addressee(seen.ticket.requester, "to", Participant.Role.REQUESTER)]
        if recipient == "requester_and_ccs":
            confirmed = [row for row in participants.ccs(seen.ticket) if row.confirmed]
            found += [_Addressee(row.person, "cc", Participant.Role.CC) for row in confirmed]
        return found
    return [_Addressee(account.person, "to", Participant.Role.AGENT) for account in agents_for(seen, recipient)]


def _without_witnesses(addressees: list[_Addressee], seen: Update, kind: str) -> list[_Addressee]:
    """Leave out who wrote the mail or stood in its To/Cc. An acknowledgement goes to its writer all the same."""
    witnesses = _witnesses(seen.comment)
    author = seen.comment.author_id if seen.comment and kind != Kind.AUTOMATIC else None
    return [
        one
        for one in addressees
        if one.person.pk != author and not (witnesses & _addresses_of(one.person) and one.role != "to")
    ]


def _witnesses(comment: Comment | None) -> set[str]:
    """Compare keys of everybody in To/Cc of the mail the comment came in."""
    mail = RawMail.objects.filter(pk=comment.raw_mail_id).first() if comment and comment.raw_mail_id else None
    if mail is None:
        return set()
    parsed = mail_message.parse(raw.content(mail))
    return {address.normal for address in [*parsed.to, *parsed.cc]}


def _addresses_of(person: Person) -> set[str]:
    return set(person.identities.values_list("normal", flat=True))


def _notification(
    seen: Update, effect: NotifyEffect, kind: str, addressees: list[_Addressee], event: Event
) -> enqueue.Notification:
    language = addressees[0].person.language or seen.ticket.support_address.language
    values = placeholder_values.of(seen, kind, language)
    body, subject = (placeholder_values.pick(text, language) for text in (effect.body, effect.subject))
    answer = kind == Kind.ANSWER
    references = _last_message_ids(seen)
    return enqueue.Notification(
        kind=kind,
        ticket=seen.ticket,
        comment=seen.comment,
        event=event,
        trigger_id=effect.rule.pk if isinstance(effect.rule, Trigger) else None,
        trigger_title=effect.rule.title,
        support_address=seen.ticket.support_address,
        subject=" ".join(placeholders.substitute_text(subject, values.text).split()),
        text=placeholders.substitute_text(body, values.text).strip() + "\n",
        html=placeholders.substitute_html(body, values.text, values.html),
        language=language,
        author_name=seen.actor.name if answer and seen.actor else "",
        recipients=[_recipient(seen, addressee) for addressee in addressees],
        attachments=_files(seen.comment) if answer and seen.comment else [],
        in_reply_to=references[-1:],
        references=references,
        auto_submitted=not answer,
    )


def _files(comment: Comment) -> list[Attachment]:
    """What the mail itself carries: all but what goes out as a link."""
    return list(comment.attachments.filter(link__isnull=True).select_related("blob"))


def _recipient(seen: Update, addressee: _Addressee) -> enqueue.Recipient:
    participant = participants.ensure(seen.ticket, addressee.person, addressee.participant_role)
    identity = identities.primary_of(addressee.person)
    return enqueue.Recipient(addressee.person, identity, participant, addressee.role)


def _last_message_ids(seen: Update) -> list[str]:
    """What the conversation's mails were called so far, oldest first: customers' own and ours."""
    incoming = seen.ticket.comments.filter(public=True).exclude(message_id="").order_by("-id")
    sent = seen.ticket.messages.exclude(kind=Kind.AGENT).order_by("-id")
    dated = [pair for rows in (incoming, sent) for pair in rows.values_list("created_at", "message_id")[:20]]
    return [message_id for _, message_id in sorted(dated)]
