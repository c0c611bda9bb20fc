from django.apps import AppConfig


class BeatsConfig(AppConfig):
    name = "butt.beats"
    label = "beats"
