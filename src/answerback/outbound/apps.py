from django.apps import AppConfig
from django.conf import settings

from mailroom.causes.classify import use_own_rules


class OutboundConfig(AppConfig):
    name = "answerback.outbound"
    label = "outbound"

    def ready(self) -> None:
        use_own_rules(settings.CAUSE_RULES)
