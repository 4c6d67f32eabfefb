"""What somebody typed into a form and left without saving: kept with their session, so that it is there again.

Passwords are among it, so it is sealed like every other secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.http import HttpRequest

from answerback.core import sealing

_NAME = "typed"


def keep(request: HttpRequest, form: str, typed: Mapping[str, str]) -> None:
    request.session[_NAME] = sealing.seal(json.dumps(_all(request) | {form: dict(typed)}))


def forget(request: HttpRequest, form: str) -> None:
    left = _all(request)
    if left.pop(form, None) is not None:
        request.session[_NAME] = sealing.seal(json.dumps(left))


def of(request: HttpRequest, form: str) -> Mapping[str, str]:
    """What was typed there; empty where nothing was left behind."""
    return _all(request).get(form, {})


def _all(request: HttpRequest) -> dict[str, dict[str, str]]:
    try:
        return dict(json.loads(sealing.unseal(request.session.get(_NAME, ""))))
    except sealing.SealedByAnotherKeyError:
        return {}
