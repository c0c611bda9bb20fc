from django.apps import AppConfig


class LeavingConfig(AppConfig):
    name = "butt.leaving"
    label = "leaving"
