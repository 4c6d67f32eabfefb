"""What a dry run found, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.desk.running_rules.dry_run import FieldChange, Mail, Outcome, Recipient, RuleAct
from answerback.people.models import Account, Group, Person
from answerback.workspace import words

_NAMED = {"assignee_id": Account, "group_id": Group, "requester_id": Person}
_FATES = {
    "suppressed": gettext_noop("not sent: address is marked undeliverable"),
    "held": gettext_noop("held back by a rule"),
    "capped": gettext_noop("not sent: enough automatic mail for now"),
    "no_address": gettext_noop("not sent: no address"),
}
_ACTS = {
    "webhook": gettext_noop("Calls a webhook"),
    "held": gettext_noop("Holds back mail to %s"),
    "resent": gettext_noop("Sends again to %s"),
    "told": gettext_noop("Tells %s in the workspace"),
    "resting": gettext_noop("Rests: it acted too often on this ticket within an hour"),
}


def lines(outcome: Outcome) -> list[str]:
    return [
        *map(_change, outcome.changes),
        *(_("Writes an internal note: “%s”") % comment.text for comment in outcome.comments),
        *map(_mail, outcome.mails),
        *_acts(outcome.acts),
    ]


def _change(change: FieldChange) -> str:
    field = "CC" if change.field == "ccs" else words.field_name(change.field)
    before, after = (_value(change.field, value) for value in (change.before, change.after))
    return f"{field}: {before} → {after}"


def _value(field: str, value: object) -> str:
    if field in _NAMED and isinstance(value, int):
        row = _NAMED[field]._default_manager.filter(pk=value).first()
        return str(row) if row else f"#{value}"
    return words.value_name(field, value)


def _mail(mail: Mail) -> str:
    if not mail.recipients:
        return _("Writes to nobody: everybody it would go to wrote the mail or has it already")
    who = ", ".join(map(_recipient, mail.recipients))
    return _("E-mail to %(who)s: “%(subject)s” (%(rule)s)") % {
        "who": who,
        "subject": mail.subject,
        "rule": _(mail.trigger_title) if mail.trigger_title else "–",
    }


def _recipient(one: Recipient) -> str:
    said = f"{one.name} <{one.address}>" if one.address else one.name
    return f"{said} ({_(_FATES[one.fate])})" if one.fate in _FATES else said


def _acts(acts: Sequence[RuleAct]) -> Iterator[str]:
    for act in acts:
        if act.note in _ACTS:
            text = _(_ACTS[act.note])
            yield text % ", ".join(act.recipients) if "%s" in text else text
