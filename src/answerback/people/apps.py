from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "answerback.people"
    label = "people"
