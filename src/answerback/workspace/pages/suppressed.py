"""`/delivery/suppressed`: addresses we do not write to, because mail to them is known to fail; and taking one off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from answerback.outbound import standing
from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import Identity
from answerback.workspace import csv_file, keyset
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.pages.sign_in import safe_next
from mailroom.states import State


@dataclass(frozen=True)
class Row:
    identity: Identity
    held: int  # mails that wait because of it
    complained: bool


@agent_required
def suppressed(request: HttpRequest) -> HttpResponse:
    """`q` searches addresses and names, `cause` narrows to one."""
    page = keyset.page(request, _wanted(request), "since")
    context = {
        "section": "delivery",
        "page": page,
        "rows": _rows(page.rows),
        "causes": _causes(),
        "q": request.GET.get("q", ""),
        "cause": request.GET.get("cause", ""),
        "export": urlencode({name: request.GET.get(name, "") for name in ("q", "cause")}),
    }
    return render(request, "delivery/suppressed.html", context)


@agent_required
def export(request: HttpRequest) -> HttpResponse:
    rows = _wanted(request).order_by("-since", "-pk")[: csv_file.MOST]
    heading = ["address", "name", "cause", "cause_name", "smtp_code", "enhanced_code", "since", "until", "last_success"]
    return csv_file.response("suppressed", heading, map(_cells, rows))


@agent_required
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """The address works again. After a complaint that takes a reason, and somebody who says so."""
    number = request.POST.get("identity", "")
    identity = get_object_or_404(Identity, pk=int(number) if number.isdigit() else 0)
    note = request.POST.get("note", "").strip()
    back = safe_next(request, "/delivery/suppressed")
    if identities.complaint_about(identity) and not (note and "despite_complaint" in request.POST):
        messages.error(request, _("Somebody there reported our mail as spam. Say why they want it now."))
        return redirect(back)
    identities.mark_deliverable(identity, account_of(request), note)
    _say_done(request, identity)
    return redirect(back)


def _wanted(request: HttpRequest) -> QuerySet[Identity]:
    rows = identities.suppressed().select_related("person")
    if text := request.GET.get("q", "").strip():
        rows = rows.filter(Q(normal__icontains=text) | Q(person__name__icontains=text))
    if cause := request.GET.get("cause", ""):
        rows = rows.filter(cause=cause)
    return rows


def _rows(found: list[Identity]) -> list[Row]:
    held = dict(
        Delivery.objects.filter(identity__in=found, state=State.HELD, hold_reason=SUPPRESSED)
        .values("identity")
        .annotate(count=Count("pk"))
        .values_list("identity", "count")
    )
    complained = identities.complained_among(found)
    return [Row(one, held.get(one.pk, 0), one.pk in complained) for one in found]


def _causes() -> list[tuple[str, str]]:
    """Those that occur, by name."""
    keys = identities.suppressed().order_by().values_list("cause", flat=True).distinct()
    return sorted(((key, standing.cause_name(key)) for key in keys), key=lambda pair: pair[1])


def _cells(row: Identity) -> list[Any]:
    name = standing.cause_name(row.cause)
    return [
        row.address, row.person.name, row.cause, name, row.smtp_code, row.enhanced_code, row.since, row.until,
        row.last_success_at,
    ]  # fmt: skip


def _say_done(request: HttpRequest, identity: Identity) -> None:
    """Held mail never goes by itself: the message leads to it."""
    words = _("We write to %s again.") % identity.address
    held = Delivery.objects.filter(identity=identity, state=State.HELD, hold_reason=SUPPRESSED).count()
    if not held:
        messages.success(request, words)
        return
    waiting = ngettext("%d mail to it is still held.", "%d mails to it are still held.", held) % held
    query = urlencode({"q": f"recipient:{identity.address} delivery:open"})
    messages.warning(request, format_html('{} <a href="/search?{}">{}</a>', words, query, waiting))
