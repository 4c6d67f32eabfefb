"""Who else is at the ticket. The page asks every twenty seconds, and by asking says that it is still open."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from answerback.desk.composing import presence as desk_presence
from answerback.tickets.models import Ticket
from answerback.workspace.access import account_of, agent_required


@agent_required
@require_POST
def presence(request: HttpRequest, number: int) -> HttpResponse:
    """`writing=1` while an answer is typed, `gone=1` when the page is left."""
    account = account_of(request)
    if not Ticket.objects.filter(pk=number).exists():
        raise Http404
    if request.POST.get("gone") == "1":
        desk_presence.leave(number, account)
        return HttpResponse(status=204)
    desk_presence.note(number, account, request.POST.get("writing") == "1")
    return render(request, "tickets/_present.html", {"others": desk_presence.others(number, account)})
