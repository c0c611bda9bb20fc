from django.apps import AppConfig


class PublicConfig(AppConfig):
    name = "butt.public"
    label = "public"
