from django.apps import AppConfig


class InboundConfig(AppConfig):
    name = "answerback.inbound"
    label = "inbound"
