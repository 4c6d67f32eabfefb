from django.apps import AppConfig


class OutboundConfig(AppConfig):
    name = "answerback.outbound"
    label = "outbound"
