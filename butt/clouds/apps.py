from django.apps import AppConfig


class CloudsConfig(AppConfig):
    name = "butt.clouds"
    label = "clouds"

    def ready(self) -> None:
        from butt.agents.signals import bot_requested
        from butt.clouds.rentals import refuse_without_room

        bot_requested.connect(refuse_without_room)
