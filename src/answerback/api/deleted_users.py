"""Users whose data goes for good. Here nobody has to be deleted first: one call begins the job that erases."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import jobs, paging
from answerback.api.auth import admin
from answerback.api.describe import doc
from answerback.api.errors import InvalidError
from answerback.desk.erasure import erase_person
from answerback.people.models import Person

router = Router(tags=["users"])


class DeletedUserOut(Schema):
    id: int
    url: str | None
    active: bool


class DeletedUserAnswer(Schema):
    """The job tells when it is done."""

    deleted_user: DeletedUserOut
    job_status: jobs.JobStatusOut


@router.delete("/deleted_users/{int:user_id}", **doc(DeletedUserAnswer, faults=(403, 404, 422)))
def erase_user(request: HttpRequest, user_id: int) -> HttpResponse:
    """Erase all data of a customer, for good

    Administrators only. Tickets of the customer go as well, open ones too. It answers when the job has begun, and
    cannot be undone.
    """
    by, person = admin(request), Person.objects.get(pk=user_id)
    try:
        job = erase_person.start(person, by)
    except erase_person.CannotEraseError as error:
        raise InvalidError(base=f"User: cannot be erased ({error.problem})") from None
    shown = {"id": person.pk, "url": paging.url(f"users/{person.pk}.json"), "active": False}
    return JsonResponse({"deleted_user": shown, "job_status": jobs.present([job])[0]})
