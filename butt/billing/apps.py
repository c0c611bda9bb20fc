from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "butt.billing"
    label = "billing"
