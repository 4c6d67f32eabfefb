from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "answerback.search"
    label = "search"
