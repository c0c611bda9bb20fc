from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "butt.vault"
    label = "vault"
