from django.apps import AppConfig


class Imports(AppConfig):
    name = "butt.imports"
    label = "imports"
