"""The card about one delivery that did not (yet) arrive, and the buttons that put it right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk.fixing import recover, replacing, settling
from answerback.desk.merging import merge_people
from answerback.outbound import standing
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Message
from answerback.outbound.standing import Words
from answerback.people import identities
from answerback.people.identities import AddressTakenError, BadAddressError
from answerback.people.models import Account, Identity
from answerback.tickets.models import Comment
from answerback.workspace import conversation, origin_words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages import ticket as ticket_page
from mailroom.causes import catalogue
from mailroom.causes.catalogue import Fix
from mailroom.report import Source
from mailroom.states import State

WHO = {
    "agent": gettext_noop("You can mend this."),
    "customer": gettext_noop("The customer or the customer's IT has to mend this."),
    "admin": gettext_noop("Your administrator has to mend this."),
    "nobody": gettext_noop("Nobody has to do anything yet."),
}
MATCHES = {
    "session": gettext_noop("the server’s answer while we sent it"),
    "return_path": gettext_noop("a report to the return path of this very mail"),
    "token": gettext_noop("a report that carries this mail’s own token"),
    "message_id": gettext_noop("the Message-ID only"),
    "expiry": gettext_noop("nobody answered in time"),
    "agent": gettext_noop("a decision in the workspace"),
}
RELEASE, OPEN_AGAIN = "release", "open_again"  # buttons that are no cause's fix
# what a card offers where the cause says nothing of its own
_ALWAYS = (Fix.RESEND, Fix.CORRECT_ADDRESS, Fix.USE_OTHER_IDENTITY, Fix.REPLY_AGAIN, Fix.CALL, Fix.MARK_HANDLED)
_BY_WORDS: dict[Words, Sequence[str]] = {
    Words.FAILED: (Fix.MARK_DELIVERABLE, *_ALWAYS, Fix.ADD_ADDRESS),
    Words.SUPPRESSED: (
        Fix.CORRECT_ADDRESS, Fix.USE_OTHER_IDENTITY, Fix.ADD_ADDRESS, Fix.MARK_DELIVERABLE, Fix.CALL, Fix.MARK_HANDLED,
    ),
    Words.TRYING: (Fix.RETRY_NOW, Fix.CORRECT_ADDRESS, Fix.USE_OTHER_IDENTITY, Fix.CALL, Fix.STOP),
    Words.CANCELLED: (Fix.RESEND, *_ALWAYS),
    Words.HELD: (RELEASE, Fix.STOP),
}  # fmt: skip
_LAST: dict[str, int] = {Fix.CALL: 1, Fix.MARK_HANDLED: 2}  # other ways to the person come after the mail's own
_ONLY_WAITING = {Fix.RETRY_NOW, Fix.STOP}


@agent_required
def card(request: HttpRequest, delivery_id: int) -> HttpResponse:
    return _show(request, _find(delivery_id))


@agent_required
@require_POST
def fix(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One button of the card. What was refused is told on the card itself, with what was typed."""
    delivery = _find(delivery_id)
    act = _ACTIONS.get(request.POST.get("fix", ""))
    trouble = _try(act, delivery, request) if act else {"problem": _("This button is not known.")}
    if trouble:
        return _show(request, _find(delivery_id), trouble | {"typed": request.POST})
    return _done(request, delivery)


@agent_required
@require_POST
def replaced(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """“Did this answer replace the one that failed?”, answered by `answer`: yes or no."""
    delivery, comment_id = _find(delivery_id), request.POST.get("comment", "")
    if delivery.ticket_id is None or not comment_id.isdigit():
        raise Http404
    try:
        if request.POST.get("answer") == "no":
            replacing.deny(delivery_id, int(comment_id), account_of(request))
            messages.success(request, _("The failure stays open."))
        elif replacing.confirm(delivery_id, int(comment_id), account_of(request)):
            messages.success(request, _("The failure is put right by this answer."))
        else:
            messages.warning(request, _("There is nothing left to put right."))
    except Comment.DoesNotExist:
        raise Http404 from None
    return _answer(request, delivery.ticket_id)


@agent_required
@require_POST
def resend_comment(request: HttpRequest, number: int, comment_id: int) -> HttpResponse:
    try:
        sent = recover.resend_failed_of_comment(number, comment_id, account_of(request))
    except recover.SuppressedError:
        messages.warning(
            request, _("Not sent: mail to these addresses is known to fail. Press a warning sign to change one.")
        )
    except recover.NotFailedError:
        messages.warning(request, _("There is nothing left to send again."))
    else:
        _say_sent(request, sent)
    return _answer(request, number)


def _show(request: HttpRequest, delivery: Delivery, more: Mapping[str, Any] | None = None) -> HttpResponse:
    """The card alone where a script asked, on a page of its own where none runs."""
    template = "card/card.html" if request.headers.get("HX-Request") else "card/page.html"
    return render(request, template, _context(request, delivery) | dict(more or {}))


def _find(delivery_id: int) -> Delivery:
    """Not of mail that holds a secret: it must not be sent to where somebody else reads it."""
    related = ("message__comment", "person", "identity", "stopped_by__person", "ticket")
    rows = Delivery.objects.select_related(*related).defer("message__body", "message__header", "header")
    return get_object_or_404(rows.exclude(kind=Message.Kind.SYSTEM), pk=delivery_id)


def _context(request: HttpRequest, delivery: Delivery) -> dict[str, Any]:
    [chain] = standing.chains_of([delivery])
    cause = catalogue.load().cause(delivery.cause) if delivery.cause else None
    event = DeliveryEvent.objects.filter(delivery=delivery).exclude(fact="claim").order_by("-id").first()
    others = _other_identities(delivery)
    attempts = list(Attempt.objects.filter(delivery=delivery).order_by("-number"))
    identity = delivery.identity
    return {
        "delivery": delivery,
        "chain": chain,
        "cause": cause.text(get_language() or "en") if cause else None,
        "cause_key": delivery.cause,
        "who": _(WHO[cause.who]) if cause else "",
        "match": _known_from(delivery, event) if event else "",
        "told_by": origin_words.told_by(delivery.told_by) if delivery.told_by else "",
        "server_spoke": _server_spoke(delivery),
        "read_in": _read_in(delivery, attempts),
        "attempts": attempts,
        "raw_mail_id": _report_of(delivery),
        "others": others,
        "lookalikes": merge_people.lookalikes(delivery.person) if delivery.person and chain.failing else [],
        "fixes": _fixes(delivery, chain, others),
        "complaint": identities.complaint_about(identity) if identity else None,
        "last_success": identity.last_success_at if identity else None,
        "failure_text": failure_text(delivery, chain),
    }


def _known_from(delivery: Delivery, event: DeliveryEvent) -> str:
    if event.match == "session" and not _server_spoke(delivery):
        return _("our own attempt: no server was reached")
    if event.source == Source.WEBHOOK:
        return origin_words.told_by(event.told_by)
    return _(MATCHES[event.match]) if event.match in MATCHES else event.match


def _server_spoke(delivery: Delivery) -> bool:
    """Or the words are our own: the domain does not exist, nobody answered."""
    return bool(delivery.smtp_code or delivery.remote_mta)


def _read_in(delivery: Delivery, attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    """Where the values of the card come from: from the newest report or reply that said just this."""
    said = {name: getattr(delivery, name) for name in ("smtp_code", "enhanced_code", "diagnostic")}
    told = (Source.SESSION, Source.REPORT, Source.FEEDBACK, Source.WEBHOOK)
    event = DeliveryEvent.objects.filter(delivery=delivery, source__in=told, **said).order_by("-id").first()
    if event is None:
        return []
    stage = next((row.stage for row in attempts if row.diagnostic == event.diagnostic), "")
    return origin_words.lines(event, stage)


def _fixes(delivery: Delivery, chain: standing.Chain, others: Sequence[Identity]) -> list[str]:
    """The buttons, most useful first: the cause's own, then what always helps; without those that cannot work."""
    if chain.resolution and chain.was_failing:
        return [OPEN_AGAIN] if settling.may_be_opened_again(delivery) else []
    if delivery.resends.exists():
        return []
    own = catalogue.load().cause(delivery.cause).fixes if chain.words == Words.FAILED and delivery.cause else ()
    useless = _useless(delivery, chain, others) | _useless_for(own)
    wanted = [one for one in dict.fromkeys([*own, *_BY_WORDS.get(chain.words, ())]) if one not in useless]
    return sorted(wanted, key=lambda one: _LAST.get(one, 0))


def _useless_for(own: Sequence[Fix]) -> set[str]:
    """What the cause speaks against: the same mail would be refused again, or the address is not at fault."""
    useless: set[str] = {Fix.RESEND} if own and Fix.RESEND not in own else set()
    if Fix.SEND_AS_LINKS in own:
        useless |= {Fix.CORRECT_ADDRESS, Fix.ADD_ADDRESS}
    return useless


def _useless(delivery: Delivery, chain: standing.Chain, others: Sequence[Identity]) -> set[str]:
    useless: set[str] = set() if chain.words in (Words.TRYING, Words.HELD) else set(_ONLY_WAITING)
    suppressed = delivery.identity is not None and identities.is_suppressed(delivery.identity)
    useless.add(Fix.RESEND if suppressed else Fix.MARK_DELIVERABLE)  # mail to a dead address would only be held again
    if not others:
        useless.add(Fix.USE_OTHER_IDENTITY)
    if not (delivery.person and delivery.person.phone):
        useless.add(Fix.CALL)
    if delivery.message.erased_at:
        useless |= {Fix.RESEND, Fix.CORRECT_ADDRESS, Fix.ADD_ADDRESS, Fix.USE_OTHER_IDENTITY, Fix.SEND_AS_LINKS}
    if delivery.message.kind != Message.Kind.ANSWER or delivery.ticket_id is None:
        useless |= {Fix.REPLY_AGAIN, Fix.SEND_AS_LINKS}
    elif not _has_files(delivery):
        useless.add(Fix.SEND_AS_LINKS)
    return useless


def _has_files(delivery: Delivery) -> bool:
    comment = delivery.message.comment
    return comment is not None and comment.attachments.filter(inline=False, link__isnull=True).exists()


def _report_of(delivery: Delivery) -> int | None:
    """The received mail that told of it, newest first."""
    reports = DeliveryEvent.objects.filter(delivery=delivery, raw_mail_id__isnull=False).order_by("-id")
    return reports.values_list("raw_mail_id", flat=True).first()


def _other_identities(delivery: Delivery) -> list[Identity]:
    """Other addresses of the person that are not known to be bad."""
    rows = Identity.objects.filter(person=delivery.person_id).exclude(normal=delivery.recipient.lower())
    return [row for row in rows.order_by("-primary", "id") if row.deliverability != "suppressed"]


def failure_text(delivery: Delivery, chain: standing.Chain) -> str:
    """For somebody outside: the facts, addresses masked."""
    lines = [
        f"{mask(delivery.recipient)} · {chain.code} · {chain.cause_text}",
        delivery.diagnostic.replace(delivery.recipient, mask(delivery.recipient)),
        delivery.remote_mta,
        delivery.message.message_id,
    ]
    return "\n".join(line for line in lines if line.strip(" ·"))


def mask(address: str) -> str:
    """an…@example.org"""
    local, _at, domain = address.rpartition("@")
    return f"{local[:2]}…@{domain}"


def _try(act: Callable[..., object], delivery: Delivery, request: HttpRequest) -> dict[str, Any]:
    """What went wrong: `problem` in words, and what may help; empty when it worked."""
    try:
        act(delivery, request, account_of(request))
    except recover.SuppressedError:
        return {"problem": _("Mail to this address is known to fail. Change the address, or mark it deliverable.")}
    except recover.ComplaintError:
        return {"problem": _("This person reported our mail as spam. Say why they want it now, and confirm it.")}
    except recover.NotFailedError:
        return {"problem": _("This cannot be done any more: somebody was quicker, or the mail arrived meanwhile.")}
    except BadAddressError as error:
        return {"problem": _("“%s” is not an e-mail address.") % error.address}
    except AddressTakenError as error:
        return _taken(error.identity)
    except (Identity.DoesNotExist, Delivery.DoesNotExist):
        return {"problem": _("This address or mail does not exist any more.")}
    return {}


def _taken(identity: Identity) -> dict[str, Any]:
    names = {"address": identity.address, "name": identity.person.name}
    problem = _("%(address)s belongs to %(name)s already.") % names
    if Account.objects.filter(person=identity.person_id).exists():
        return {"problem": problem}
    return {"problem": problem, "taken": identity}


def _resend(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    _say_sent(request, recover.resend([delivery.pk], by))


def _correct(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    _say_saved(request, recover.correct_address(delivery.pk, _address(request), by, and_resend=_resends(request)))


def _add(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    _say_saved(request, recover.add_address(delivery.pk, _address(request), by, and_resend=_resends(request)))


def _take(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    _say_saved(request, recover.take_address(delivery.pk, _address(request), by, and_resend=_resends(request)))


def _use_identity(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    identity_id = request.POST.get("identity", "")
    _say_sent(request, recover.use_identity(delivery.pk, int(identity_id) if identity_id.isdigit() else 0, by))


def _mark_deliverable(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    sent = recover.mark_deliverable(
        delivery.pk,
        by,
        _note(request),
        and_send="and_send" in request.POST,
        despite_complaint="despite_complaint" in request.POST,
    )
    said = (
        _("The address is marked deliverable, the mail goes now.") if sent else _("The address is marked deliverable.")
    )
    messages.success(request, said)


def _mark_handled(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    if "by_phone" in request.POST:
        recover.reached_by_phone(delivery.pk, by, _note(request))
        messages.success(request, _("Noted: reached by phone. The failure is handled."))
    else:
        recover.mark_handled(delivery.pk, by, _note(request))
        messages.success(request, _("Marked as handled."))


def _open_again(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.open_again(delivery.pk, by)
    messages.success(request, _("The failure is open again."))


def _retry_now(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.retry_now(delivery.pk, by)
    messages.success(request, _("It is being tried now."))


def _stop(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.stop(delivery.pk, by)
    messages.success(request, _("Stopped. It is not sent before somebody sends it again."))


def _release(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.release(delivery.pk, by)
    messages.success(request, _("It is being sent now."))


_ACTIONS: dict[str, Callable[[Delivery, HttpRequest, Account], None]] = {
    Fix.RESEND: _resend,
    Fix.CORRECT_ADDRESS: _correct,
    Fix.ADD_ADDRESS: _add,
    "take_address": _take,
    Fix.USE_OTHER_IDENTITY: _use_identity,
    Fix.MARK_DELIVERABLE: _mark_deliverable,
    Fix.MARK_HANDLED: _mark_handled,
    OPEN_AGAIN: _open_again,
    Fix.RETRY_NOW: _retry_now,
    Fix.STOP: _stop,
    RELEASE: _release,
}


def _address(request: HttpRequest) -> str:
    return request.POST.get("address", "").strip()


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").strip()


def _resends(request: HttpRequest) -> bool:
    return "and_resend" in request.POST


def _say_sent(request: HttpRequest, sent: Sequence[Delivery]) -> None:
    """Where it goes; and where it does not, because that address is known to be dead as well."""
    going = [row.recipient for row in sent if row.state != State.HELD]
    held = [row.recipient for row in sent if row.state == State.HELD]
    if going:
        messages.success(request, _("Sent again to %s.") % ", ".join(going))
    if held:
        messages.warning(request, _("Not sent to %s: the address is marked undeliverable.") % ", ".join(held))


def _say_saved(request: HttpRequest, sent: Sequence[Delivery]) -> None:
    if sent:
        _say_sent(request, sent)
    else:
        messages.success(request, _("The address is saved. Nothing was sent."))


def _done(request: HttpRequest, delivery: Delivery) -> HttpResponse:
    """Back on the same ticket, with the card closed."""
    if delivery.ticket_id is None:
        return redirect("/delivery")
    response = _answer(request, delivery.ticket_id)
    response.headers["HX-Trigger"] = "card-done"
    response.headers["HX-Reswap"] = "none"
    return response


def _answer(request: HttpRequest, number: int) -> HttpResponse:
    ticket = conversation.find_ticket(number)
    if ticket and request.headers.get("HX-Request"):
        return ticket_page.parts(request, ticket)
    return redirect(f"/tickets/{number}")
