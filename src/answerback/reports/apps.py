from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "answerback.reports"
    label = "reports"
