from django.apps import AppConfig


class RulesConfig(AppConfig):
    name = "answerback.rules"
    label = "rules"
