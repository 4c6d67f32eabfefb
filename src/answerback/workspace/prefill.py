"""What a link to the composer puts into it: an answer that did not arrive, to be sent again.

`?again=DELIVERY`: its text and files. `&links=1`: the files as links. `?missed=DELIVERY`: quoted and dated, for a
customer who has written since, also on another ticket. What is sent then replaces the failed delivery
(desk.fixing.replacing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext

from answerback.core import dates
from answerback.outbound.models import Delivery
from answerback.tickets.models import Attachment, Comment, Ticket
from mailroom import html as mail_html


@dataclass(frozen=True)
class Prefill:
    """`text` and `html` say the same; `html` is sanitised, and "" where the text has no other form."""

    text: str = ""
    html: str = ""
    files: Sequence[Attachment] = ()
    replaces: Sequence[int] = ()
    as_links: bool = False


def of(ticket: Ticket, asked: Mapping[str, str]) -> Prefill:
    """Empty where nothing, or something unknown, is asked for."""
    if delivery := _delivery(asked.get("again", "")):
        return _again(delivery, asked.get("links") == "1") if delivery.ticket_id == ticket.pk else Prefill()
    if delivery := _delivery(asked.get("missed", "")):
        return _missed(delivery, ticket)
    return Prefill()


def _delivery(text: str) -> Delivery | None:
    rows = Delivery.objects.select_related("message__comment", "ticket__support_address", "person")
    return rows.filter(pk=int(text), message__comment__isnull=False).first() if text.isdigit() else None


def _again(delivery: Delivery, as_links: bool) -> Prefill:
    comment = _comment_of(delivery)
    return Prefill(comment.text, comment.html, _files(comment), [delivery.pk], as_links)


def _missed(delivery: Delivery, ticket: Ticket) -> Prefill:
    """In the language of the person it is for."""
    comment = _comment_of(delivery)
    language = ticket.requester.language or ticket.support_address.language
    with translation.override(language):
        day = dates.full_day(comment.created_at)
        said = gettext("I answered you on %s already, but my mail did not reach you. This is what I wrote:") % day
    quoted = "\n".join(f"> {line}".rstrip() for line in comment.text.splitlines())
    html = mail_html.from_text(said) + f"<blockquote>{comment.html or mail_html.from_text(comment.text)}</blockquote>"
    return Prefill(f"\n\n{said}\n\n{quoted}\n", f"<p></p>{html}", _files(comment), [delivery.pk])


def _comment_of(delivery: Delivery) -> Comment:
    comment = delivery.message.comment
    assert comment is not None  # asked for above
    return comment


def _files(comment: Comment) -> list[Attachment]:
    """Pictures of the text go along with it."""
    return list(comment.attachments.order_by("id"))
