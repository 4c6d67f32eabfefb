"""How long closed tickets are kept, and what would go today. A limit is looked at before it counts."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from answerback.desk.keeping import retention as keeping
from answerback.desk.keeping.retention import FOR_EVER, MOST_DAYS, Limits
from answerback.workspace.access import admin_required


@admin_required
def retention(request: HttpRequest) -> HttpResponse:
    """A POST with a limit shows what it would do; with `confirmed`, the same limit counts from now on."""
    if request.method != "POST":
        return _page(request, keeping.limits())
    typed = request.POST.get("days", "").strip()
    if typed and not (typed.isdecimal() and len(typed) < 9 and FOR_EVER <= int(typed) <= MOST_DAYS):
        messages.error(request, _("Enter a whole number from 0 to %d.") % MOST_DAYS)
        return redirect("/admin/retention")
    wanted = Limits(days=int(typed or FOR_EVER), people="people" in request.POST)
    if wanted.days != FOR_EVER and "confirmed" not in request.POST:
        return _page(request, wanted, asking=True)
    keeping.set_limits(wanted)
    messages.success(request, _("Saved."))
    return redirect("/admin/retention")


def _page(request: HttpRequest, limits: Limits, asking: bool = False) -> HttpResponse:
    """`asking`: the limits are not saved yet."""
    context = {
        "section": "admin",
        "at": "retention",
        "limits": limits,
        "most": MOST_DAYS,
        "asking": asking,
        "foreseen": keeping.foresee(limits),
    }
    return render(request, "admin/retention.html", context)
