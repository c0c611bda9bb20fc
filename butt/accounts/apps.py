from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "butt.accounts"
    label = "accounts"

    def ready(self) -> None:
        from butt.accounts import recovering  # noqa: F401 - it listens
