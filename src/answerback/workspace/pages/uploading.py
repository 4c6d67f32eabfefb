"""Files of the composer: uploaded as soon as they are chosen, so that they are there when the answer is sent."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk.composing import uploads
from answerback.workspace.access import account_of, agent_required


@agent_required
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """One `file`. Answers its row in the composer's list; `inline=1`: a picture that stands in the text."""
    file = request.FILES.get("file")
    if file is None:
        return HttpResponse(status=400)
    inline = request.POST.get("inline") == "1"
    row = uploads.receive(account_of(request), file.read(), file.name or _("file"), file.content_type or "", inline)
    return render(request, "tickets/_composer_file.html", {"file": row}, status=201)


@agent_required
@require_POST
def drop(request: HttpRequest, token: str) -> HttpResponse:
    """The agent takes it out again."""
    uploads.drop(token, account_of(request))
    return HttpResponse(status=204)
