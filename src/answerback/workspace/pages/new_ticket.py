"""A ticket that an agent opens: mailed to the requester and the CCs, or only noted."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.http import require_POST

from answerback.desk.composing import drafts, file_size
from answerback.desk.fixing import recover
from answerback.people import accounts, identities
from answerback.people.models import Account, Group, Person
from answerback.tickets.models import Comment, SupportAddress, Ticket
from answerback.workspace import drafting, macro_words, typed_recipients, words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.drafting import Typed
from answerback.workspace.pages import composing


@agent_required
def new_ticket(request: HttpRequest) -> HttpResponse:
    """The form, with the newest draft in it, or with `draft=ID`; `requester`, `follow` or `fresh` begin anew."""
    account = account_of(request)
    if request.method != "POST":
        return _form(request, _draft(request, account) or _beginning(request, account))
    writing, draft, problem = composing.keep_and_send(request, None)
    if not problem:
        assert draft is not None
        return redirect(f"/drafts/{draft.pk}")
    typed = drafting.typed_of(draft) if draft else drafting.typed_from(writing, account)
    typed.problem = problem
    return _form(request, typed)


@agent_required
@require_POST
def change_ccs(request: HttpRequest) -> HttpResponse:
    """The field for CCs with `add` in it and without `remove`: chips, and `cc`, which the form sends."""
    cc = typed_recipients.changed(*(request.POST.get(name, "") for name in ("cc", "add", "remove")))
    return render(request, "tickets/_new_ccs.html", {"cc": cc, "ccs": typed_recipients.of(cc)})


def _draft(request: HttpRequest, account: Account) -> Typed | None:
    wanted = request.GET.get("draft", "")
    unsent = [draft for draft in drafts.of_ticket(None, account) if draft.send_at is None]
    if {"requester", "follow", "fresh"} & set(request.GET):
        return None
    fitting = [draft for draft in unsent if str(draft.pk) == wanted] or unsent
    return drafting.typed_of(fitting[0]) if fitting else None


def _beginning(request: HttpRequest, account: Account) -> Typed:
    """An empty form; `requester=PERSON` or `follow=TICKET` fill what is known, `missed=COMMENT` what did not arrive."""
    fields, missed = {"assignee": str(account.pk)}, None
    person = _row(Person, request.GET.get("requester", ""))
    if before := _row(Ticket, request.GET.get("follow", "")):
        person = before.requester
        fields |= {
            "subject": before.subject,
            "follow": str(before.pk),
            "support_address": str(before.support_address_id),
        }
        missed = _missed(before, request.GET.get("missed", ""))
    if person and (identity := identities.primary_of(person)):
        fields |= {"requester": identity.address, "requester_name": person.name}
    if missed is None:
        return Typed("", fields=fields, status=drafting.DEFAULT_SEND_AS)
    return Typed(
        missed.text,
        missed.html,
        fields=fields,
        status=drafting.DEFAULT_SEND_AS,
        kept=list(missed.attachments.filter(inline=False).order_by("id")),
        replaces=recover.failing_of_comment(missed.ticket_id, missed.pk),
    )


def _missed(before: Ticket, comment_id: str) -> Comment | None:
    """The public answer of that ticket which is to be sent once more."""
    comment = _row(Comment, comment_id)
    return comment if comment and comment.ticket_id == before.pk and comment.public else None


def _row(model: Any, pk: str) -> Any:
    return model.objects.filter(pk=int(pk)).first() if pk.isdigit() else None


def _form(request: HttpRequest, typed: Typed) -> HttpResponse:
    account = account_of(request)
    unsent = [draft for draft in drafts.of_ticket(None, account) if draft.send_at is None]
    context = {
        "typed": typed,
        "applied": macro_words.applied(typed.fields.get("macro", ""), account, macro_words.OF_NEW_TICKET),
        "ccs": typed_recipients.of(typed.fields.get("cc", "")),
        "other_drafts": [drafting.other(draft) for draft in unsent if draft.pk != typed.draft_id],
        "support_addresses": list(SupportAddress.objects.filter(active=True).order_by("-default", "address")),
        "agents": accounts.agents(),
        "groups": list(Group.objects.order_by("name")),
        "send_as": [(key, words.status_name(key)) for key in drafting.SEND_AS],
        "file_limit": filesizeformat(file_size.limit()),
        "file_limit_bytes": file_size.limit(),
        "link_days": settings.FILE_LINK_LIFETIME // 86400,
        "signature": account.signature,
    }
    return render(request, "tickets/new.html", context)
