from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "butt.accounts"
    label = "accounts"
