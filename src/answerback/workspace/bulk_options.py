"""What the form of a bulk action asks for beside the selection: read, checked, and told what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from answerback.outbound import mail_domains
from answerback.workspace import words
from mailroom import address as addresses

UNCHANGED = ""
NOBODY = "none"
NOTE_LENGTH = 300


@dataclass
class Asked:
    options: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # by field
    warnings: list[str] = field(default_factory=list)


def read(kind: str, post: QueryDict) -> Asked:
    return _READERS[kind](post)


def _nothing(post: QueryDict) -> Asked:
    return Asked()


def _swap_domain(post: QueryDict) -> Asked:
    old, new = (post.get(name, "").strip().lower().lstrip("@").rstrip(".") for name in ("old", "new"))
    asked = Asked({"old": old, "new": new})
    if not new:
        asked.problems["new"] = _("Which domain is the right one?")
    elif addresses.syntax_problem(f"somebody@{new}"):
        asked.problems["new"] = _("“%s” is not a domain.") % new
    elif addresses.ascii_domain(new) == addresses.ascii_domain(old):
        asked.problems["new"] = _("This is the old domain.")
    else:
        _ask_dns(new, asked)
    return asked


def _ask_dns(domain: str, asked: Asked) -> None:
    takes_mail = mail_domains.takes_mail(domain)
    if takes_mail is False:
        asked.problems["new"] = _("%s takes no mail: it has no mail server.") % domain
    elif takes_mail is None:
        asked.warnings.append(_("Whether %s takes mail could not be found out just now.") % domain)


def _mark_deliverable(post: QueryDict) -> Asked:
    note = post.get("note", "").strip()[:NOTE_LENGTH]
    asked = Asked({"note": note, "and_send": "and_send" in post})
    if not note:
        asked.problems["note"] = _("Please say how you know.")
    return asked


def _mark_handled(post: QueryDict) -> Asked:
    return Asked({"note": post.get("note", "").strip()[:NOTE_LENGTH]})


def _reassign(post: QueryDict) -> Asked:
    asked = Asked(_links(post))
    if not asked.options:
        asked.problems["assignee"] = _("Choose an assignee or a group.")
    return asked


def _update_tickets(post: QueryDict) -> Asked:
    options = _links(post)
    for name, allowed in (("status", words.STATUSES), ("priority", words.PRIORITIES), ("type", words.TYPES)):
        if post.get(name) in allowed:
            options[name] = post[name]
    for name in ("add_tags", "remove_tags"):
        if tags := post.get(name, "").replace(",", " ").split():
            options[name] = tags
    if text := post.get("comment", "").strip():
        options["comment"] = {"text": text, "public": post.get("public") == "1"}
    asked = Asked(options)
    if not options:
        asked.problems["status"] = _("Choose what is to change.")
    return asked


def _links(post: QueryDict) -> dict[str, Any]:
    """Assignee and group: an id, None for nobody; left out where they stay."""
    found: dict[str, Any] = {}
    for name in ("assignee", "group"):
        value = post.get(name, UNCHANGED)
        if value == NOBODY:
            found[name] = None
        elif value.isdecimal():
            found[name] = int(value)
    return found


_READERS: dict[str, Callable[[QueryDict], Asked]] = {
    "resend": _nothing,
    "release": _nothing,
    "swap_domain": _swap_domain,
    "mark_deliverable": _mark_deliverable,
    "mark_handled": _mark_handled,
    "reassign": _reassign,
    "update_tickets": _update_tickets,
}
