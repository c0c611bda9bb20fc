from django.apps import AppConfig


class FiguresConfig(AppConfig):
    name = "butt.figures"
    label = "figures"
