"""Errors in the shapes Zendesk's clients read."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from answerback.api.rate_limit import TooManyRequestsError
from answerback.core.idempotency import KeyReusedError
from answerback.desk.composing.upload_tokens import UnknownUploadError
from answerback.tickets.update import TicketClosedError


class InvalidError(Exception):
    """What was sent cannot be done: field -> what is wrong, in words."""

    def __init__(self, **details: str) -> None:
        super().__init__(details)
        self.details = details


class BadRequestError(Exception):
    """The request itself is unusable, such as a list without its filter."""


class TooLargeError(Exception):
    """More octets than we take."""


class ForbiddenError(Exception):
    """The caller's role does not reach as far as this."""


def install(api: NinjaAPI) -> None:
    """Every way a handler can fail, and its answer."""
    api.exception_handler(ObjectDoesNotExist)(_not_found)
    api.exception_handler(UnknownUploadError)(_not_found)
    api.exception_handler(OverflowError)(_not_found)  # a number beyond every id: SQLite says so
    api.exception_handler(DataError)(_not_found)  # and PostgreSQL
    api.exception_handler(InvalidError)(_invalid)
    api.exception_handler(BadRequestError)(_bad_request)
    api.exception_handler(ForbiddenError)(_forbidden)
    api.exception_handler(TooManyRequestsError)(_too_many_requests)
    api.exception_handler(TooLargeError)(_too_large)
    api.exception_handler(KeyReusedError)(_key_reused)
    api.exception_handler(ValidationError)(_not_the_shape)
    api.exception_handler(AuthenticationError)(_unknown_caller)
    api.exception_handler(TicketClosedError)(_closed)
    api.exception_handler(HttpError)(_http)


@csrf_exempt
def unknown_address(request: HttpRequest, rest: str) -> HttpResponse:
    """What stands below `/api/v2/` and leads nowhere."""
    return JsonResponse({"error": "InvalidEndpoint", "description": "Not found"}, status=404)


def _not_found(request: HttpRequest, error: Exception) -> HttpResponse:
    return JsonResponse({"error": "RecordNotFound", "description": "Not found"}, status=404)


def _invalid(request: HttpRequest, error: InvalidError) -> HttpResponse:
    return _record_invalid(error.details)


def _bad_request(request: HttpRequest, error: BadRequestError) -> HttpResponse:
    return JsonResponse({"error": "BadRequest", "description": str(error)}, status=400)


def _forbidden(request: HttpRequest, error: ForbiddenError) -> HttpResponse:
    return JsonResponse({"error": "Forbidden", "description": str(error)}, status=403)


def _too_many_requests(request: HttpRequest, error: TooManyRequestsError) -> HttpResponse:
    text = "Number of allowed API requests per minute exceeded"
    return JsonResponse({"error": "APIRateLimitExceeded", "description": text}, status=429)


def _too_large(request: HttpRequest, error: TooLargeError) -> HttpResponse:
    return JsonResponse({"error": "AttachmentTooLarge", "description": str(error)}, status=413)


def _key_reused(request: HttpRequest, error: KeyReusedError) -> HttpResponse:
    text = "This idempotency key came with another request before"
    return JsonResponse({"error": "IdempotentRequestError", "description": text}, status=422)


def _not_the_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    details = {".".join(str(part) for part in fault["loc"][1:]) or "body": fault["msg"] for fault in error.errors}
    return _record_invalid(details)


def _unknown_caller(request: HttpRequest, error: Exception) -> HttpResponse:
    answer = JsonResponse({"error": "Couldn't authenticate you"}, status=401)
    answer.headers["WWW-Authenticate"] = 'Basic realm="Answerback"'
    return answer


def _closed(request: HttpRequest, error: Exception) -> HttpResponse:
    return _record_invalid({"status": "Status: closed prevents ticket update"})


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return JsonResponse({"error": "BadRequest", "description": str(error)}, status=error.status_code)


def _record_invalid(details: dict[str, str]) -> JsonResponse:
    body: dict[str, Any] = {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {field: [{"description": text, "error": "Invalid"}] for field, text in details.items()},
    }
    return JsonResponse(body, status=422)
