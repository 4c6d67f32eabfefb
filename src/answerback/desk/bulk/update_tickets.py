"""Fields of many tickets: status, priority, type, tags, group, assignee; and a comment for all of them.

Taken back, the fields are as they were before. A ticket where somebody has changed one of them since is left alone. A
comment stays: it may have been mailed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.desk import change
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import ticket_of
from answerback.desk.composing.reply import Reply, reply
from answerback.desk.models import JobItem
from answerback.people.models import Account, Group
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Audit, Ticket
from answerback.tickets.update import TicketClosedError

PLAIN = ("status", "priority", "type")
LINKS: dict[str, type[Account] | type[Group]] = {"assignee": Account, "group": Group}


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    """`options`: status, priority, type; assignee, group (an id, None: nobody); add_tags, remove_tags, set_tags
    (lists); comment {"text", "html", "public"}."""
    ticket = ticket_of(item)
    before = _values(ticket)
    try:
        audit = carry_out(ticket, options, by)
    except TicketClosedError:
        return skipped("closed")
    if audit is None:
        return skipped("as_wanted")
    ticket.refresh_from_db()
    return done("changed", **_difference(before, _values(ticket), options))


def foresee(rows: Sequence[Ticket], options: dict[str, Any]) -> dict[int, Result]:
    return {row.pk: skipped("closed") for row in rows if row.status == Ticket.Status.CLOSED}


def undo(item: JobItem, by: Account) -> Result:
    ticket = ticket_of(item)
    now, fields = _values(ticket), item.detail.get("fields", {})
    if any(now[field] != after for field, (_, after) in fields.items()):
        return skipped("changed_since")
    options = {field: before for field, (before, _) in fields.items()}
    options |= {"add_tags": item.detail.get("removed", []), "remove_tags": item.detail.get("added", [])}
    try:
        audit = change.change(ticket.pk, changes_of(options), by)
    except TicketClosedError:
        return skipped("closed")
    return done("changed_back") if audit else skipped("changed_since")


def changes_of(options: dict[str, Any]) -> Changes:
    """An account or group that does not exist any more is nobody."""
    wanted: dict[str, Any] = {name: options[name] for name in PLAIN if name in options}
    for name, model in LINKS.items():
        if name in options:
            wanted[name] = model.objects.filter(pk=options[name] or 0).first()
    wanted |= {name: options[name] for name in ("add_tags", "remove_tags", "set_tags") if name in options}
    return Changes(**wanted)


def carry_out(ticket: Ticket, options: dict[str, Any], by: Account) -> Audit | None:
    """TicketClosedError."""
    changes = changes_of(options)
    comment = options.get("comment") or {}
    if comment.get("text"):
        new = Reply(text=comment["text"], html=comment.get("html", ""), public=bool(comment.get("public")))
        return reply(ticket.pk, new, by, changes=changes)
    return change.change(ticket.pk, changes, by)


def _values(ticket: Ticket) -> dict[str, Any]:
    return {
        **{name: getattr(ticket, name) for name in PLAIN},
        **{name: getattr(ticket, f"{name}_id") for name in LINKS},
        "tags": sorted(ticket.tags.values_list("name", flat=True)),
    }


def _difference(before: dict[str, Any], after: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What we were asked for and what it was before; what triggers made of it is theirs, and stays."""
    asked = {*options, "status"} if options.get("assignee") or options.get("comment") else {*options}
    fields = {
        name: [before[name], after[name]] for name in (*PLAIN, *LINKS) if name in asked and before[name] != after[name]
    }
    had, has = set(before["tags"]), set(after["tags"])
    wanted = set(update.clean_tags([*options.get("add_tags", []), *options.get("set_tags", [])]))
    unwanted = had - wanted if "set_tags" in options else set(update.clean_tags(options.get("remove_tags", [])))
    return {"fields": fields, "added": sorted((has - had) & wanted), "removed": sorted((had - has) & unwanted)}
