"""`/delivery/agents`: mail to agents that did not arrive. It never counts as a ticket's failure, so it stands here.

Mail about their accounts is among it; a test of sending goes to nobody in particular and is not.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery, Message
from answerback.workspace import each_delivery, keyset
from answerback.workspace.access import admin_required
from mailroom.states import State


@admin_required
def agent_mail(request: HttpRequest) -> HttpResponse:
    page = keyset.page(request, undelivered(), "failed_at")
    context = {"section": "delivery", "page": page, "rows": each_delivery.standings(page.rows)}
    return render(request, "delivery/agents.html", context)


def undelivered() -> QuerySet[Delivery]:
    """Mail to agents that failed, was stopped, or was held because the address is known to fail."""
    failing = Q(state__in=[State.FAILED, State.CANCELLED]) | Q(state=State.HELD, hold_reason=SUPPRESSED)
    to_agents = Q(kind=Message.Kind.AGENT) | Q(kind=Message.Kind.SYSTEM, person__isnull=False)
    return each_delivery.rows().filter(failing, to_agents)
