"""After how many hours supervisors hear of an answer that did not arrive and that nobody has seen to."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from answerback.desk.telling import escalation as desk_escalation
from answerback.desk.telling import responsible
from answerback.workspace.access import admin_required


@admin_required
def escalation(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _save(request)
    context = {
        "section": "admin",
        "at": "escalation",
        "hours": desk_escalation.hours(),
        "most": desk_escalation.MAX_HOURS,
        "supervisors": responsible.supervisors(),
    }
    return render(request, "admin/escalation.html", context)


def _save(request: HttpRequest) -> HttpResponse:
    hours = request.POST.get("hours", "").strip()
    if hours.isdigit() and int(hours) <= desk_escalation.MAX_HOURS:
        desk_escalation.set_hours(int(hours))
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("Enter a whole number from 0 to %d.") % desk_escalation.MAX_HOURS)
    return redirect("/admin/escalation")
