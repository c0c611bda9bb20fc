from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "butt.sources"
    label = "sources"
