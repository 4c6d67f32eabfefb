"""From a trigger's wish to an outbox row: who is written to, in which words, under which name.

Policy (docs/architecture.md, "Answer or automatic"): a notification of an agent's public comment to requester and CCs
is an *answer*; everything else to customers is automatic and capped; mail to agents is a kind of its own. Nobody is
notified of a mail they wrote or stood in To/Cc of; automatic mail is never answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from django.utils.html import escape, linebreaks

from answerback.desk import file_list, responsible, told_already
from answerback.outbound import enqueue, standing
from answerback.outbound.models import Message
from answerback.people import identities
from answerback.people.models import Account, Person
from answerback.rules import placeholders
from answerback.rules.effects import Localised, NotifyEffect
from answerback.rules.update_seen import Update
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets import participants, update
from answerback.tickets.models import Attachment, Comment, Event, Participant
from mailroom import html as mail_html
from mailroom import message as mail_message

ANSWER_PLACEHOLDERS = {"ticket.latest_public_comment", "ticket.latest_public_comment_html"}
Kind = Message.Kind


@dataclass(frozen=True)
class _Addressee:
    person: Person
    role: str  # "to", "cc"
    participant_role: str


def send(seen: Update, effect: NotifyEffect) -> Message | None:
    """Put one notification into the outbox. None where there is nobody to write to."""
    kind = _kind(seen, effect)
    addressees = _without_witnesses(_addressees(seen, effect.recipient), seen, kind)
    if kind == Kind.AGENT:
        told = told_already.people(seen, effect.trigger.pk)
        addressees = [one for one in addressees if one.person.pk not in told]
    if _must_stay_silent(seen, kind):
        return None
    event = update.add_event(
        seen.audit,
        Event.Kind.NOTIFICATION,
        {
            "trigger_id": effect.trigger.pk,
            "trigger_title": effect.trigger.title,
            "recipients": [addressee.person.pk for addressee in addressees],
            "message_kind": kind,
        },
    )
    if not addressees:
        return None
    return _enqueue(seen, effect, kind, addressees, event)


def _kind(seen: Update, effect: NotifyEffect) -> str:
    if effect.recipient not in ("requester_id", "requester_and_ccs"):
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
    return [_Addressee(account.person, "to", Participant.Role.AGENT) for account in _agents(seen, recipient)]


def _agents(seen: Update, recipient: str) -> list[Account]:
    active = Account.objects.filter(is_active=True).select_related("person")
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


def _enqueue(
    seen: Update, effect: NotifyEffect, kind: str, addressees: list[_Addressee], event: Event
) -> Message | None:
    language = addressees[0].person.language or seen.ticket.support_address.language
    with translation.override(language):
        values, html = _values(seen, kind)
        body = _in(language, effect.body)
        text = placeholders.substitute_text(body, values).strip() + "\n"
        page = placeholders.substitute_html(body, values, html)
        subject = placeholders.substitute_text(_in(language, effect.subject), values)
    answer = kind == Kind.ANSWER
    references = _last_message_ids(seen)
    return enqueue.enqueue(
        enqueue.Notification(
            kind=kind,
            ticket=seen.ticket,
            comment=seen.comment,
            event=event,
            trigger_id=effect.trigger.pk,
            trigger_title=effect.trigger.title,
            support_address=seen.ticket.support_address,
            subject=subject,
            text=text,
            html=page,
            language=language,
            author_name=seen.actor.name if answer and seen.actor else "",
            recipients=[_recipient(seen, addressee) for addressee in addressees],
            attachments=_files(seen.comment) if answer and seen.comment else [],
            in_reply_to=references[-1:],
            references=references,
            auto_submitted=not answer,
        )
    )


def _files(comment: Comment) -> list[Attachment]:
    """What the mail itself carries: all but what goes out as a link."""
    return list(comment.attachments.filter(link__isnull=True).select_related("blob"))


def _recipient(seen: Update, addressee: _Addressee) -> enqueue.Recipient:
    participant = participants.ensure(seen.ticket, addressee.person, addressee.participant_role)
    identity = identities.primary_of(addressee.person)
    return enqueue.Recipient(addressee.person, identity, participant, addressee.role)


def _in(language: str, text: Localised) -> str:
    return text.get(language) or text.get("") or text.get("en") or next(iter(text.values()), "")


def _values(seen: Update, kind: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Every placeholder there is: as text, and for some as HTML."""
    ticket, comment = seen.ticket, seen.comment
    signature = seen.actor_account.signature if seen.actor_account else ""
    url = f"{settings.BASE_URL}/tickets/{ticket.pk}"
    public = comment if comment and comment.public else None
    links = file_list.of(public) if public else None
    text = (public.text if public else "") + (links.text if links else "")
    failed = standing.open_failures(ticket.pk) if kind == Kind.AGENT and seen.failures else []
    values = {
        "ticket.id": str(ticket.pk),
        "ticket.title": ticket.subject,
        "ticket.status": ticket.get_status_display(),
        "ticket.url": url,
        "ticket.requester.name": ticket.requester.name,
        "ticket.assignee.name": ticket.assignee.person.name if ticket.assignee else "",
        "ticket.group.name": ticket.group.name if ticket.group else "",
        "ticket.latest_comment": comment.text if comment else "",
        "ticket.latest_comment_html": comment.text if comment else "",
        "ticket.latest_public_comment": text,
        "ticket.latest_public_comment_html": text,
        "ticket.delivery_failures": "\n".join(map(standing.describe, failed)),
        "ticket.undelivered_to": ", ".join(dict.fromkeys(standing.name_of(chain.newest) for chain in failed)),
        "current_user.name": seen.actor.name if seen.actor else "",
        "agent.signature": signature,
        "support.name": ticket.support_address.name,
    }
    html = {
        "ticket.url": f'<a href="{escape(url)}">{escape(url)}</a>',
        "ticket.latest_comment_html": _comment_html(comment),
        "ticket.latest_public_comment_html": _comment_html(public) + (links.html if links else ""),
        "agent.signature": linebreaks(escape(signature)) if signature else "",
    }
    return values, html


def _comment_html(comment: Comment | None) -> str:
    if comment is None:
        return ""
    return comment.html or mail_html.from_text(comment.text)


def _last_message_ids(seen: Update) -> list[str]:
    """What the conversation's mails were called so far, oldest first: customers' own and ours."""
    incoming = seen.ticket.comments.filter(public=True).exclude(message_id="").order_by("-id")
    sent = seen.ticket.messages.exclude(kind=Kind.AGENT).order_by("-id")
    dated = [pair for rows in (incoming, sent) for pair in rows.values_list("created_at", "message_id")[:20]]
    return [message_id for _, message_id in sorted(dated)]
