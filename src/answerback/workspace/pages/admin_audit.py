"""What was changed in the administration: who, when, what, from what to what."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from answerback.desk import admin_changes
from answerback.workspace import admin_change_words, keyset
from answerback.workspace.access import admin_required


@admin_required
def audit(request: HttpRequest) -> HttpResponse:
    """`q`: words that occur in it; `kind`: of what; newest first."""
    text, kind = request.GET.get("q", "")[:200], request.GET.get("kind", "")
    page = keyset.page(request, admin_changes.find(text, kind), "at")
    context = {
        "section": "admin",
        "at": "audit",
        "page": page,
        "lines": [admin_change_words.line(row) for row in page.rows],
        "asked": {"text": text, "kind": kind},
        "kinds": [(key, _(title)) for key, title in admin_change_words.KINDS.items()],
    }
    return render(request, "admin/audit.html", context)
