"""What we know of a customer, for administrators: as a file for the person, and gone for good."""

from __future__ import annotations

import tempfile

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.desk.erasure import erase_person
from answerback.desk.erasure.erase_person import CannotEraseError
from answerback.desk.keeping import personal_data
from answerback.people import identities
from answerback.people.models import Person
from answerback.workspace.access import account_of, admin_required

PROBLEMS = {
    "agent": gettext_noop("People who sign in here are not erased: their answers are part of other people's tickets."),
    "merged": gettext_noop("This profile was merged into another one: erase that one."),
    "erased": gettext_noop("The data of this person is gone already."),
    "under_way": gettext_noop("It is being erased already: see the jobs."),
}
IN_MEMORY = 8 * 2**20


@admin_required
def export(request: HttpRequest, person_id: int) -> FileResponse:
    person = get_object_or_404(Person.objects.select_related("organization"), pk=person_id)
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # the response closes it
    personal_data.export(person, file, account_of(request))
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"person-{person.pk}.zip")


@admin_required
def erase(request: HttpRequest, person_id: int) -> HttpResponse:
    """What would go and what would stay; a POST with the words typed in begins the job."""
    person = get_object_or_404(Person, pk=person_id)
    if problem := erase_person.problem_of(person):
        return _refused(request, person, problem)
    typed, wanted = request.POST.get("typed", ""), _confirmation(person)
    if request.method == "POST" and " ".join(typed.split()).casefold() == wanted.casefold():
        try:
            job = erase_person.start(person, account_of(request))
        except CannotEraseError as error:
            return _refused(request, person, error.problem)
        return redirect(f"/jobs/{job.pk}")
    context = {
        "person": person,
        "foreseen": erase_person.foresee(person),
        "wanted": wanted,
        "typed": typed,
        "wrong": request.method == "POST",
    }
    return render(request, "customers/erase.html", context)


def _confirmation(person: Person) -> str:
    """What has to be typed: the address, or where there is none the name."""
    identity = identities.primary_of(person)
    return identity.address if identity else person.name


def _refused(request: HttpRequest, person: Person, problem: str) -> HttpResponse:
    messages.error(request, _(PROBLEMS[problem]))
    return redirect(f"/customers/{person.pk}")
