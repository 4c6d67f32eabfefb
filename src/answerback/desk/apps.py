from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "answerback.desk"
    label = "desk"
