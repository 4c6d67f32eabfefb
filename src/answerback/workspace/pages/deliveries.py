"""The card about one delivery that did not (yet) arrive, and the buttons that put it right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk import recover
from answerback.outbound import standing
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Message
from answerback.outbound.standing import FAILING, Words
from answerback.people.identities import AddressTakenError, BadAddressError
from answerback.people.models import Account, Identity
from answerback.workspace import conversation, suggestions
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages import ticket as ticket_page
from mailroom.causes import catalogue
from mailroom.causes.catalogue import Fix

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
# what a card offers where the cause says nothing of its own
_ALWAYS = (Fix.RESEND, Fix.CORRECT_ADDRESS, Fix.USE_OTHER_IDENTITY, Fix.REPLY_AGAIN, Fix.CALL, Fix.MARK_HANDLED)
_BY_WORDS: dict[Words, Sequence[Fix]] = {
    Words.SUPPRESSED: (
        Fix.CORRECT_ADDRESS, Fix.USE_OTHER_IDENTITY, Fix.ADD_ADDRESS, Fix.MARK_DELIVERABLE, Fix.CALL, Fix.MARK_HANDLED,
    ),
    Words.TRYING: (Fix.RETRY_NOW, Fix.STOP),
    Words.CANCELLED: (Fix.RESEND, Fix.CORRECT_ADDRESS, Fix.REPLY_AGAIN, Fix.MARK_HANDLED),
}  # fmt: skip


@agent_required
def card(request: HttpRequest, delivery_id: int) -> HttpResponse:
    return render(request, "card/card.html", _context(request, _find(delivery_id)))


@agent_required
@require_POST
def fix(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One button of the card. What was refused is told on the card itself, with what was typed."""
    delivery = _find(delivery_id)
    act = _ACTIONS.get(request.POST.get("fix", ""))
    problem = _try(act, delivery, request) if act else _("This button is not known.")
    if problem:
        context = _context(request, _find(delivery_id)) | {"problem": problem, "typed": request.POST}
        return render(request, "card/card.html", context)
    return _done(request, delivery)


@agent_required
@require_POST
def resend_comment(request: HttpRequest, number: int, comment_id: int) -> HttpResponse:
    try:
        sent = recover.resend_failed_of_comment(number, comment_id, account_of(request))
    except recover.NotFailedError:
        messages.warning(request, _("There is nothing left to send again."))
    else:
        _say_sent(request, sent)
    return _answer(request, number)


def _find(delivery_id: int) -> Delivery:
    related = ("message__comment", "person", "identity", "stopped_by__person", "ticket")
    rows = Delivery.objects.select_related(*related).defer("message__body", "message__header", "header")
    return get_object_or_404(rows, pk=delivery_id)


def _context(request: HttpRequest, delivery: Delivery) -> dict[str, Any]:
    [chain] = standing.chains_of([delivery])
    cause = catalogue.load().cause(delivery.cause) if delivery.cause else None
    event = DeliveryEvent.objects.filter(delivery=delivery).exclude(fact="claim").order_by("-id").first()
    others = _other_identities(delivery)
    fixes = _fixes(delivery, chain, others)
    return {
        "delivery": delivery,
        "chain": chain,
        "cause": cause.text(get_language() or "en") if cause else None,
        "cause_key": delivery.cause,
        "who": _(WHO[cause.who]) if cause else "",
        "event": event,
        "match": _(MATCHES[event.match]) if event and event.match in MATCHES else (event.match if event else ""),
        "attempts": list(Attempt.objects.filter(delivery=delivery).order_by("-number")),
        "raw_mail_id": event.raw_mail_id if event else None,
        "others": others,
        "fixes": fixes,
        "suggestion": suggestions.for_address(delivery.recipient) if Fix.CORRECT_ADDRESS in fixes else "",
        "failure_text": failure_text(delivery, chain),
        "settled": chain.words not in FAILING and chain.words not in (Words.TRYING, Words.HELD),
    }


def _fixes(delivery: Delivery, chain: standing.Chain, others: Sequence[Identity]) -> list[str]:
    """The buttons, most useful first: the cause's own, then what always helps; without those that cannot work."""
    if chain.resolution or delivery.resends.exists():
        return []
    if chain.words == Words.HELD:
        return ["release", Fix.STOP]
    if chain.words not in FAILING and chain.words != Words.TRYING:
        return []
    own = catalogue.load().cause(delivery.cause).fixes if chain.words == Words.FAILED and delivery.cause else ()
    wanted = list(dict.fromkeys([*own, *_BY_WORDS.get(chain.words, _ALWAYS)]))
    useless = set() if chain.words == Words.TRYING else {Fix.RETRY_NOW, Fix.STOP}
    if not others:
        useless.add(Fix.USE_OTHER_IDENTITY)
    if not (delivery.person and delivery.person.phone):
        useless.add(Fix.CALL)
    if delivery.message.kind != Message.Kind.ANSWER:
        useless |= {Fix.REPLY_AGAIN, Fix.SEND_AS_LINKS}
    if chain.words == Words.FAILED:
        useless.add(Fix.MARK_DELIVERABLE)
    return [one for one in wanted if one not in useless]


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


def _try(act: Callable[..., object], delivery: Delivery, request: HttpRequest) -> str:
    """What went wrong, in words; "" when it worked."""
    try:
        act(delivery, request, account_of(request))
    except recover.NotFailedError:
        return _("This cannot be done any more: somebody was quicker, or the mail arrived meanwhile.")
    except BadAddressError as error:
        return _("“%s” is not an e-mail address.") % error.address
    except AddressTakenError as error:
        return _("%(address)s belongs to %(name)s already.") % {
            "address": error.identity.address,
            "name": error.identity.person.name,
        }
    except (Identity.DoesNotExist, Delivery.DoesNotExist):
        return _("This address or mail does not exist any more.")
    return ""


def _resend(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    _say_sent(request, recover.resend([delivery.pk], by))


def _correct(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    address, send = request.POST.get("address", "").strip(), "and_resend" in request.POST
    _say_saved(request, recover.correct_address(delivery.pk, address, by, and_resend=send))


def _add(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    address, send = request.POST.get("address", "").strip(), "and_resend" in request.POST
    _say_saved(request, recover.add_address(delivery.pk, address, by, and_resend=send))


def _use_identity(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    identity_id = request.POST.get("identity", "")
    _say_sent(request, recover.use_identity(delivery.pk, int(identity_id) if identity_id.isdigit() else 0, by))


def _mark_deliverable(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    send = "and_send" in request.POST
    recover.mark_deliverable(delivery.pk, by, request.POST.get("note", "").strip(), and_send=send)
    messages.success(request, _("The address is marked deliverable, the mail goes now.") if send else _("Saved."))


def _mark_handled(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.mark_handled(delivery.pk, by, request.POST.get("note", "").strip())
    messages.success(request, _("Marked as handled."))


def _retry_now(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.retry_now(delivery.pk, by)
    messages.success(request, _("It is being tried now."))


def _stop(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.stop(delivery.pk, by)
    messages.success(request, _("Stopped."))


def _release(delivery: Delivery, request: HttpRequest, by: Account) -> None:
    recover.release(delivery.pk, by)
    messages.success(request, _("It is being sent now."))


_ACTIONS: dict[str, Callable[[Delivery, HttpRequest, Account], None]] = {
    Fix.RESEND: _resend,
    Fix.CORRECT_ADDRESS: _correct,
    Fix.ADD_ADDRESS: _add,
    Fix.USE_OTHER_IDENTITY: _use_identity,
    Fix.MARK_DELIVERABLE: _mark_deliverable,
    Fix.MARK_HANDLED: _mark_handled,
    Fix.RETRY_NOW: _retry_now,
    Fix.STOP: _stop,
    "release": _release,
}


def _say_sent(request: HttpRequest, sent: Sequence[Delivery]) -> None:
    names = ", ".join(row.recipient for row in sent)
    messages.success(request, _("Sent again to %s.") % names)


def _say_saved(request: HttpRequest, sent: Sequence[Delivery]) -> None:
    if sent:
        _say_sent(request, sent)
    else:
        messages.success(request, _("Saved."))


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
