"""Who would get what, if the composer were sent now: mails as they would be, from a run that is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from answerback.desk.running_rules import dry_run
from answerback.desk.running_rules.dry_run import Fate, Recipient
from answerback.outbound.models import Message
from answerback.tickets.models import Attachment, Audit
from answerback.workspace import drafting
from mailroom import html as mail_html
from mailroom import message as mail_message

FATES = {
    Fate.SENT: gettext_noop("will be mailed"),
    Fate.SUPPRESSED: gettext_noop("will not be mailed: the address is marked undeliverable"),
    Fate.HELD: gettext_noop("will be held by a rule"),
    Fate.CAPPED: gettext_noop("will not be mailed: has had enough automatic mail for now"),
    Fate.NO_ADDRESS: gettext_noop("will not be mailed: no address known"),
}


@dataclass(frozen=True)
class Preview:
    trigger_title: str
    kind: str
    recipients: Sequence[Recipient]
    subject: str
    text: str
    html: str


def of(use_case: Callable[[], Audit], ticket_id: int | None, files: Sequence[Attachment]) -> list[Preview]:
    """What `use_case` would mail, in order. What it raises is raised."""
    messages: list[Message] = []

    def carry_out() -> Audit:
        audit = use_case()
        messages.extend(Message.objects.filter(ticket=audit.ticket_id, notification__audit__gte=audit).order_by("id"))
        return audit

    outcome = dry_run.play(carry_out, ticket_id)
    return [_preview(mail, _take(messages, mail), files) for mail in outcome.mails]


def _take(messages: list[Message], mail: dry_run.Mail) -> Message | None:
    """The message of this notification: the first one left of the same trigger."""
    found = next((row for row in messages if row.trigger_id == mail.trigger_id), None)
    if found and any(one.fate in (Fate.SENT, Fate.SUPPRESSED, Fate.HELD) for one in mail.recipients):
        messages.remove(found)
        return found
    return None


def _preview(mail: dry_run.Mail, message: Message | None, files: Sequence[Attachment]) -> Preview:
    text = html = ""
    if message:
        read = mail_message.parse(bytes(message.header) + b"\r\n" + bytes(message.body))
        text, html = read.text, drafting.STYLE.sub("", drafting.with_pictures(mail_html.sanitise(read.html), files))
    return Preview(mail.trigger_title, mail.kind, mail.recipients, mail.subject, text, html)
