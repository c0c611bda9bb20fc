from django.apps import AppConfig


class CopiesConfig(AppConfig):
    name = "butt.copies"
    label = "copies"
