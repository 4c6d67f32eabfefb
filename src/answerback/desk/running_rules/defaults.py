"""What Answerback brings along: triggers, automations, views. Each is written once; admins may change it after.

Policy: an installation remembers what it was offered, so that a new version brings what is new in it to old
installations too, and nothing that somebody changed or deleted comes back.
"""

from __future__ import annotations

from django.db import transaction

from answerback.core.models import Setting
from answerback.rules import default_macros
from answerback.rules import defaults as rules
from answerback.rules.models import Trigger
from answerback.search import views
from answerback.search.models import View

_MARK = "defaults_installed"


def install() -> None:
    """Write what this installation has never been offered."""
    with transaction.atomic():
        mark, _ = Setting.objects.select_for_update().get_or_create(name=_MARK, defaults={"value": {}})
        offered = mark.value if isinstance(mark.value, dict) else _offered_by_first_versions()
        mark.value = {
            "triggers": rules.install(but=offered.get("triggers", [])),
            "automations": rules.install_automations(but=offered.get("automations", [])),
            "macros": default_macros.install(but=offered.get("macros", [])),
            "views": views.install(but=offered.get("views", [])),
        }
        mark.save(update_fields=["value"])


def _offered_by_first_versions() -> dict[str, list[str]]:
    """They kept a bare 1. What they had written is still there: they had no way to delete it."""
    return {
        "triggers": list(Trigger.objects.exclude(key="").values_list("key", flat=True)),
        "views": list(View.objects.exclude(key="").values_list("key", flat=True)),
    }
