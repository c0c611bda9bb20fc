from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "butt.outbox"
    label = "outbox"
