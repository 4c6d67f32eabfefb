from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "answerback.store"
    label = "store"
