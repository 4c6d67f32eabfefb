from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "answerback.core"
    label = "core"
