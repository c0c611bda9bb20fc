from django.apps import AppConfig


class OperatingConfig(AppConfig):
    name = "butt.operating"
    label = "operating"
