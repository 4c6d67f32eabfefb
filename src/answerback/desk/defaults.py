"""What a new installation starts with: default triggers, system views. Written once; admins may change them after."""

from __future__ import annotations

from django.db import transaction

from answerback.core.models import Setting
from answerback.rules import defaults as triggers
from answerback.search import views

_MARK = "defaults_installed"


def install() -> None:
    """Does nothing where it was done before."""
    with transaction.atomic():
        _, first_time = Setting.objects.get_or_create(name=_MARK, defaults={"value": 1})
        if first_time:
            triggers.install()
            views.install()
