from django.apps import AppConfig


class WorkspaceConfig(AppConfig):
    name = "answerback.workspace"
    label = "workspace"
