"""What jobs are called, what they say of themselves and of each item, in the reader's language. One table each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from answerback.desk.models import Job, JobItem
from answerback.outbound import standing
from answerback.workspace import words

KINDS = {
    "resend": gettext_noop("Send again"),
    "swap_domain": gettext_noop("Correct the domain"),
    "mark_deliverable": gettext_noop("Mark deliverable"),
    "mark_handled": gettext_noop("Mark as handled"),
    "release": gettext_noop("Send what is held"),
    "reassign": gettext_noop("Reassign"),
    "update_tickets": gettext_noop("Change tickets"),
    "create_tickets": gettext_noop("Make tickets"),
    "merge_tickets": gettext_noop("Merge tickets"),
    "erase_person": gettext_noop("Erase a person's data"),
}
UNDONE = {
    "resend": gettext_noop("Take back: send again"),
    "mark_deliverable": gettext_noop("Take back: mark deliverable"),
    "release": gettext_noop("Take back: send what is held"),
    "swap_domain": gettext_noop("Take back: correct the domain"),
    "mark_handled": gettext_noop("Take back: mark as handled"),
    "reassign": gettext_noop("Take back: reassign"),
    "update_tickets": gettext_noop("Take back: change tickets"),
}
# what can be taken back afterwards, and what cannot: said before it is started, and when it has ended
WAYS_BACK = {
    "resend": gettext_noop("Mail that still waits can be stopped. What was sent stays sent."),
    "swap_domain": gettext_noop(
        "The old addresses can be put back, and mail that still waits be stopped. What was sent stays sent."
    ),
    "mark_deliverable": gettext_noop(
        "The addresses can be marked undeliverable again, as long as no mail has shown that they work. "
        "What was sent stays sent."
    ),
    "mark_handled": gettext_noop("It can be taken back: the failures are open again then."),
    "release": gettext_noop("Mail that still waits can be held again. What was sent stays sent."),
    "reassign": gettext_noop(
        "It can be taken back, except where somebody has changed a ticket since. What triggers have mailed stays sent."
    ),
    "update_tickets": gettext_noop(
        "It can be taken back, except where somebody has changed a ticket since. "
        "Comments stay, and what was mailed stays sent."
    ),
}
STATUSES = {
    Job.Status.QUEUED: gettext_noop("waiting to begin"),
    Job.Status.WORKING: gettext_noop("under way"),
    Job.Status.COMPLETED: gettext_noop("finished"),
    Job.Status.FAILED: gettext_noop("failed"),
    Job.Status.KILLED: gettext_noop("cancelled"),
}
STATES = {
    JobItem.State.WAITING: gettext_noop("waiting"),
    JobItem.State.DONE: gettext_noop("done"),
    JobItem.State.SKIPPED: gettext_noop("skipped"),
    JobItem.State.FAILED: gettext_noop("failed"),
}
TABLES = {  # of desk.erasure.tables
    "store.rawmail": gettext_noop("Mail outside of tickets"),
    "rules.webhookcall": gettext_noop("Calls of webhooks"),
    "core.idempotentanswer": gettext_noop("Answers to programs"),
    "desk.notice": gettext_noop("Notices"),
    "desk.draft": gettext_noop("Drafts"),
    "people.deliverabilityentry": gettext_noop("History of addresses"),
    "outbound.lane": gettext_noop("Destinations"),
    "desk.jobitem": gettext_noop("Results of jobs"),
    "desk.job": gettext_noop("Jobs"),
}
REASONS = {
    "ticket_erased": gettext_noop("Ticket #%(number)s is gone."),
    "ticket_struck": gettext_noop("The person does not stand in it any more."),
    "table_erased": gettext_noop("%(what)s %(first)s to %(last)s: gone through."),
    "profile_erased": gettext_noop("Addresses and profile are gone."),
    "mail_under_way": gettext_noop(
        "Mail in which the person stands is still on its way. Start again what is left once it has gone, or stop it."
    ),
    "resent": gettext_noop("Sent again to %(recipient)s."),
    "released": gettext_noop("Sent to %(recipient)s."),
    "handled": gettext_noop("The failure to %(recipient)s is marked as handled."),
    "taken_back": gettext_noop("Stopped before it went to %(recipient)s. The failure is open as before."),
    "held_again": gettext_noop("Held again before it went to %(recipient)s."),
    "sent_already": gettext_noop("%(recipient)s: it has been sent already."),
    "suppressed_again": gettext_noop("%(recipient)s is marked undeliverable again."),
    "suppressed_again_unsent": gettext_noop(
        "%(recipient)s is marked undeliverable again, and the mail was stopped before it went."
    ),
    "open_again": gettext_noop("The failure to %(recipient)s is open again."),
    "deliverable": gettext_noop("%(recipient)s is marked deliverable."),
    "deliverable_and_sent": gettext_noop("%(recipient)s is marked deliverable, and the mail goes now."),
    "swapped": gettext_noop("%(recipient)s became %(address)s, and the mail goes there."),
    "swapped_back": gettext_noop("%(recipient)s is the address again. What was sent to %(address)s stays sent."),
    "swapped_back_unsent": gettext_noop(
        "%(recipient)s is the address again, and the mail to %(address)s was stopped before it went."
    ),
    "made": gettext_noop("Made."),
    "merged": gettext_noop("Merged into ticket #%(into)s."),
    "changed": gettext_noop("Changed."),
    "changed_back": gettext_noop("As it was before."),
    "no_failure": gettext_noop("No open failure here, or it is being sent again already."),
    "nothing_held": gettext_noop("Nothing is held back here."),
    "not_failing": gettext_noop("%(recipient)s: put right meanwhile, or being sent again already."),
    "not_held": gettext_noop("%(recipient)s: not held any more."),
    "suppressed": gettext_noop(
        "%(recipient)s is marked undeliverable (%(cause)s). Correct the address, or mark it deliverable first."
    ),
    "not_suppressed": gettext_noop("%(recipient)s is not marked undeliverable."),
    "complaint": gettext_noop("%(recipient)s reported our mail as spam. Please decide on the ticket itself."),
    "other_domain": gettext_noop("%(recipient)s is at another domain."),
    "bad_address": gettext_noop("%(recipient)s: “%(address)s” is not an e-mail address."),
    "address_taken": gettext_noop("%(recipient)s: %(address)s belongs to %(owner)s already."),
    "taken_since": gettext_noop("%(recipient)s belongs to %(owner)s meanwhile."),
    "closed": gettext_noop("The ticket is closed and does not change any more."),
    "as_wanted": gettext_noop("It was so already."),
    "changed_since": gettext_noop("Somebody has changed it since, so it stays as it is."),
    "nothing_to_undo": gettext_noop("Nothing to take back."),
    "gone": gettext_noop("The ticket or the mail does not exist any more."),
    "named_gone": gettext_noop("Somebody or something that the ticket was to have does not exist any more."),
    "nobody": gettext_noop("Whoever started this does not exist any more."),
    "cancelled": gettext_noop("Cancelled before its turn."),
    "unexpected": gettext_noop("An error of ours. Nothing was done here; please start it again."),
}
NOT_A_SENTENCE = {"changed"}


def title(job: Job) -> str:
    return kind_name(job.kind, job.undo)


def kind_name(kind: str, undo: bool = False) -> str:
    """Of a kind, or a text that is none."""
    names = KINDS | UNDONE if undo else KINDS
    return _(names[kind]) if kind in names else kind


def what(job: Job) -> str:
    """The options that matter: "@old.example → @new.example"."""
    match job.kind:
        case "swap_domain":
            return f"@{job.options.get('old', '')} → @{job.options.get('new', '')}"
        case "erase_person":
            return _("Person %s") % job.source.get("person", "")
        case "mark_handled" | "mark_deliverable":
            return str(job.options.get("note", ""))
    return ""


def way_back(kind: str) -> str:
    return _(WAYS_BACK[kind]) if kind in WAYS_BACK else ""


def source(job: Job) -> str:
    """Where it was started."""
    found: Mapping[str, str] = job.source
    if "view" in found:
        name = found.get("title", "")
        return _("View: %s") % (name if str(found["view"]).isdigit() else _(name))
    if "q" in found:
        return _("Search: %s") % found["q"]
    if found.get("destination"):
        cause = standing.cause_name(found.get("cause", ""))
        return _("Outage at %(destination)s: %(cause)s") % {"destination": found["destination"], "cause": cause}
    if "cause" in found:
        return _("Cause: %s") % standing.cause_name(found["cause"])
    if found.get("held"):
        return _("Held by: %s") % _(found["held"].removeprefix("rule:"))
    if found.get("domain"):
        return _("Domain: %s") % found["domain"]
    return ""


def headline(kind: str, count: int, people: int, tickets: int) -> str:
    """What will happen to how many."""
    numbers = {"count": count, "people": people, "tickets": tickets}
    match kind:
        case "resend":
            text = ngettext(
                "%(count)d mail will be sent again, to the recipient it did not reach and to nobody else.",
                "%(count)d mails will be sent again, each to the recipient it did not reach and to nobody else.",
                count,
            )
        case "swap_domain":
            text = ngettext(
                "%(count)d mail will be sent to the corrected address, and to nobody else.",
                "%(count)d mails will be sent to the corrected addresses, and to nobody else.",
                count,
            )
        case "mark_deliverable":
            text = ngettext(
                "The address of %(count)d failed mail will be marked deliverable.",
                "The addresses of %(count)d failed mails will be marked deliverable.",
                count,
            )
        case "mark_handled":
            text = ngettext(
                "%(count)d failure will be marked as handled. Nobody is mailed.",
                "%(count)d failures will be marked as handled. Nobody is mailed.",
                count,
            )
        case "release":
            text = ngettext("%(count)d held mail will be sent.", "%(count)d held mails will be sent.", count)
        case _:
            text = ngettext("%(tickets)d ticket will be changed.", "%(tickets)d tickets will be changed.", tickets)
    return text % numbers


def skip_line(reason: str, count: int) -> str:
    """ "4 have no open failure"."""
    match reason:
        case "no_failure":
            text = ngettext("%d ticket has no open failure", "%d tickets have no open failure", count)
        case "nothing_held":
            text = ngettext("%d ticket has nothing held back", "%d tickets have nothing held back", count)
        case "suppressed":
            text = ngettext(
                "%d address is marked undeliverable: correct it, or mark it deliverable first",
                "%d addresses are marked undeliverable: correct them, or mark them deliverable first",
                count,
            )
        case "not_suppressed":
            text = ngettext(
                "%d address is not marked undeliverable", "%d addresses are not marked undeliverable", count
            )
        case "other_domain":
            text = ngettext("%d recipient is at another domain", "%d recipients are at other domains", count)
        case "bad_address":
            text = ngettext("%d address would be none", "%d addresses would be none", count)
        case "address_taken":
            text = ngettext(
                "%d new address belongs to somebody else already",
                "%d new addresses belong to somebody else already",
                count,
            )
        case "complaint":
            text = ngettext("%d recipient reported our mail as spam", "%d recipients reported our mail as spam", count)
        case "closed":
            text = ngettext("%d ticket is closed", "%d tickets are closed", count)
        case _:
            text = ngettext("%d is left out", "%d are left out", count)
    return text % count


def sentence(reason: str, detail: Mapping[str, Any], names: Mapping[tuple[str, Any], str] | None = None) -> str:
    """What became of an item. `names` has those of accounts and groups, by field and id."""
    if reason == "changed" and (lines := _changes(detail, names or {})):
        return "; ".join(lines)
    told = dict(detail)
    if reason == "table_erased":
        name = TABLES[told["table"]]
        told["what"] = _(name)
    if "cause" in told:
        told["cause"] = standing.cause_name(str(told["cause"]))
    try:
        return _(REASONS[reason]) % told
    except KeyError:  # of a later or an earlier version
        return reason


def _changes(detail: Mapping[str, Any], names: Mapping[tuple[str, Any], str]) -> list[str]:
    lines = []
    for name, (before, after) in detail.get("fields", {}).items():
        old, new = (names.get((name, value)) or words.value_name(name, value) for value in (before, after))
        lines.append(f"{words.field_name(name)}: {old} → {new}")
    tags = [*(f"+{tag}" for tag in detail.get("added", [])), *(f"−{tag}" for tag in detail.get("removed", []))]
    return [*lines, *([f"{words.field_name('tags')}: {' '.join(tags)}"] if tags else [])]
