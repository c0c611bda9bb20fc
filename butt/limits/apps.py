from django.apps import AppConfig


class LimitsConfig(AppConfig):
    name = "butt.limits"
    label = "limits"
