"""Carrying out what a rule wants: one function for each kind of effect. Gives the update it made, if it made one."""

from __future__ import annotations

from typing import Any

from answerback.desk.calling_webhooks import webhooks
from answerback.desk.running_rules import notify, placeholder_values
from answerback.desk.telling import notices
from answerback.outbound import enqueue, lifecycle
from answerback.outbound.models import Delivery, Message
from answerback.people import system_person
from answerback.rules import placeholders
from answerback.rules.effects import (
    Effect,
    FieldEffect,
    HoldEffect,
    NoteEffect,
    NoticeEffect,
    NotifyEffect,
    ResendEffect,
    Rule,
    WebhookEffect,
)
from answerback.rules.update_seen import Update
from answerback.tickets import update
from answerback.tickets.changes import ByRule, Changes, NewComment
from answerback.tickets.models import Audit, Event
from mailroom import html as mail_html
from mailroom.states import Fact, State

_NOT_LEFT = (State.QUEUED, State.DEFERRED)
_VIA = "rule"


def perform(effect: Effect, seen: Update) -> Audit | None:
    """Everything but holds, which wait for the end of the run."""
    match effect:
        case FieldEffect():
            return _change(seen, effect.changes, effect.rule.by)
        case NoteEffect():
            return _write_note(seen, effect)
        case NotifyEffect():
            notify.send(seen, effect)
        case NoticeEffect():
            _tell(seen, effect)
        case WebhookEffect():
            _call_webhook(seen, effect)
        case ResendEffect():
            _resend(seen, effect)
    return None


def hold(audit: Audit, effect: HoldEffect) -> None:
    """Whatever of the ticket's mail to customers has not left stays here, until a person sends it on."""
    waiting = Delivery.objects.filter(ticket=audit.ticket_id, state__in=_NOT_LEFT).exclude(kind=Message.Kind.AGENT)
    if effect.recipients:
        waiting = waiting.filter(recipient__in=effect.recipients)
    ids = list(waiting.values_list("pk", flat=True))
    held = lifecycle.decide(ids, Fact.HOLD, reason=f"rule:{effect.rule.title}")
    if held:
        _note(audit, effect.rule, "held", recipients=sorted({event.delivery.recipient for event in held}))


def _change(seen: Update, changes: Changes, rule: ByRule) -> Audit | None:
    """A closed ticket stays as it is."""
    try:
        return update.apply(seen.ticket.pk, changes, None, _VIA, rule)
    except update.TicketClosedError:
        return None


def _write_note(seen: Update, effect: NoteEffect) -> Audit | None:
    language = seen.ticket.support_address.language
    values = placeholder_values.of(seen, Message.Kind.AGENT, language)
    template = placeholder_values.pick(effect.text, language)
    text = placeholders.substitute_text(template, values.text).strip()
    if not text:
        return None
    html = mail_html.sanitise(placeholders.substitute_html(template, values.text, values.html))
    comment = NewComment(author=system_person.get(), public=False, text=text, html=html)
    return _change(seen, Changes(comment=comment), effect.rule.by)


def _tell(seen: Update, effect: NoticeEffect) -> None:
    told = []
    for account in notify.agents_for(seen, effect.recipient):
        language = account.person.language or seen.ticket.support_address.language
        values = placeholder_values.of(seen, Message.Kind.AGENT, language)
        text = placeholders.substitute_text(placeholder_values.pick(effect.text, language), values.text).strip()
        notices.tell_by_rule(account, seen.ticket, effect.rule.title, text)
        told.append(account.person.name)
    if told:
        _note(seen.audit, effect.rule, "told", recipients=told)


def _call_webhook(seen: Update, effect: WebhookEffect) -> None:
    if effect.payload is None:
        payload: dict[str, Any] = webhooks.trigger_payload(seen.ticket.pk, effect.rule.title, seen.comment)
    else:
        values = placeholder_values.of(seen, Message.Kind.AGENT, seen.ticket.support_address.language)
        payload = placeholders.substitute_leaves(dict(effect.payload), values.text)
    if webhooks.call(effect.webhook_id, webhooks.TRIGGER, payload):
        _note(seen.audit, effect.rule, "webhook", webhook_id=effect.webhook_id)


def _resend(seen: Update, effect: ResendEffect) -> None:
    """Once for each failure: what was sent again before, by whomever, is not sent again by a rule."""
    failed = Delivery.objects.filter(
        pk__in=effect.delivery_ids,
        state=State.FAILED,
        resent_from__isnull=True,
        resends__isnull=True,
        message__erased_at__isnull=True,
    ).select_related("message", "person", "identity")
    rows = enqueue.resend(list(failed), None)
    if rows:
        _note(seen.audit, effect.rule, "resent", recipients=sorted({row.recipient for row in rows}))


def _note(audit: Audit, rule: Rule, note: str, **data: Any) -> None:
    """What the ticket's events tell of it."""
    update.add_event(audit, Event.Kind.RULE, {"note": note, "rule_id": rule.pk, "title": rule.title, **data})
