"""What the placeholders of rules stand for in one update: each as text, and some as HTML.

Substituted once (`rules.placeholders`): what a customer wrote stays the text it is, wherever it is put.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from django.utils.html import escape, linebreaks

from answerback.desk.composing import file_list
from answerback.outbound import standing
from answerback.outbound.models import Message
from answerback.rules.effects import Localised
from answerback.rules.update_seen import Update
from answerback.tickets.models import Comment
from answerback.tickets.words import PRIORITIES, STATUSES
from mailroom import html as mail_html


@dataclass(frozen=True)
class Values:
    text: Mapping[str, str]
    html: Mapping[str, str]


def of(seen: Update, kind: str, language: str) -> Values:
    """Every placeholder there is (rules.placeholders.KNOWN), in the reader's language. `kind`: Message.Kind."""
    with translation.override(language):
        return Values(_text(seen, kind), _html(seen))


def pick(text: Localised, language: str) -> str:
    """The text in that language, else the one for every other."""
    return text.get(language) or text.get("") or text.get("en") or next(iter(text.values()), "")


def _text(seen: Update, kind: str) -> dict[str, str]:
    ticket, comment, public = seen.ticket, seen.comment, _public_text(seen)
    failed = standing.open_failures(ticket.pk) if kind == Message.Kind.AGENT and seen.failures else []
    return {
        "ticket.id": str(ticket.pk),
        "ticket.title": ticket.subject,
        "ticket.status": translation.gettext(STATUSES[ticket.status]),
        "ticket.priority": translation.gettext(PRIORITIES[ticket.priority]) if ticket.priority else "",
        "ticket.tags": " ".join(sorted(seen.tags)),
        "ticket.url": _url(seen),
        "ticket.requester.name": ticket.requester.name,
        "ticket.assignee.name": ticket.assignee.person.name if ticket.assignee else "",
        "ticket.group.name": ticket.group.name if ticket.group else "",
        "ticket.latest_comment": comment.text if comment else "",
        "ticket.latest_comment_html": comment.text if comment else "",
        "ticket.latest_public_comment": public,
        "ticket.latest_public_comment_html": public,
        "ticket.delivery_failures": "\n".join(map(standing.describe, failed)),
        "ticket.undelivered_to": ", ".join(dict.fromkeys(standing.name_of(chain.newest) for chain in failed)),
        "current_user.name": _writer(seen),
        "agent.signature": _signature(seen),
        "support.name": ticket.support_address.name,
    }


def _html(seen: Update) -> dict[str, str]:
    url, signature = _url(seen), _signature(seen)
    return {
        "ticket.url": f'<a href="{escape(url)}">{escape(url)}</a>',
        "ticket.latest_comment_html": _comment_html(seen.comment),
        "ticket.latest_public_comment_html": _public_html(seen),
        "agent.signature": linebreaks(escape(signature)) if signature else "",
    }


def _public(seen: Update) -> Comment | None:
    return seen.comment if seen.comment and seen.comment.public else None


def _public_text(seen: Update) -> str:
    """With the links of files that do not travel along."""
    public = _public(seen)
    links = file_list.of(public) if public else None
    return (public.text if public else "") + (links.text if links else "")


def _public_html(seen: Update) -> str:
    public = _public(seen)
    links = file_list.of(public) if public else None
    return _comment_html(public) + (links.html if links else "")


def _url(seen: Update) -> str:
    return f"{settings.BASE_URL}/tickets/{seen.ticket.pk}"


def _signature(seen: Update) -> str:
    return seen.actor_account.signature if seen.actor_account else ""


def _writer(seen: Update) -> str:
    """Who did it; of a note that a rule wrote, nobody but us."""
    if seen.comment and seen.audit.rule_title:
        return seen.comment.author.name
    return seen.actor.name if seen.actor else ""


def _comment_html(comment: Comment | None) -> str:
    if comment is None:
        return ""
    return comment.html or mail_html.from_text(comment.text)
