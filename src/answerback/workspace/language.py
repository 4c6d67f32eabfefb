"""The language of a request: the person's own choice, else the browser's, else the site's."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

COOKIE = "answerback_language"
SUPPORTED = tuple(code for code, _ in settings.LANGUAGES)


class LanguageMiddleware:
    """Runs after authentication, because the signed-in person's language wins."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with translation.override(language_of(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
            return response


def language_of(request: HttpRequest) -> str:
    user = request.user
    if user.is_authenticated and user.person.language in SUPPORTED:
        return user.person.language
    if (chosen := request.COOKIES.get(COOKIE)) in SUPPORTED:
        return chosen
    return translation.get_language_from_request(request)
