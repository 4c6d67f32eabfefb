from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "answerback.sandbox"
    label = "sandbox"
