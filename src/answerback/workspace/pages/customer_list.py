"""`/customers`: everybody who wrote to us, found by name, address or organisation."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from answerback.search import people
from answerback.workspace.access import agent_required


@agent_required
def customer_list(request: HttpRequest) -> HttpResponse:
    asked = request.GET
    text = asked.get("q", "").strip()
    order = asked.get("order", people.NEWEST)
    page = people.page(text, order, asked.get("after", ""), asked.get("before", ""))
    context = {
        "section": "customers",
        "people": page.rows,
        "text": text,
        "order": order,
        "after_url": _url(request, after=page.after) if page.after else "",
        "before_url": _url(request, before=page.before) if page.before else "",
        "newest_url": _url(request, order=people.NEWEST),
        "name_url": _url(request, order=people.NAME),
    }
    return render(request, "customers/list.html", context)


def _url(request: HttpRequest, **changes: str) -> str:
    kept = request.GET.copy()
    for name in ("after", "before"):
        kept.pop(name, None)
    for name, value in changes.items():
        kept[name] = value
    return f"{request.path}?{kept.urlencode()}"
