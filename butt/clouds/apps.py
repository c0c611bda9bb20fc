from django.apps import AppConfig


class CloudsConfig(AppConfig):
    name = "butt.clouds"
    label = "clouds"

    def ready(self) -> None:
        from butt.agents.asking import bot_is_asked_for
        from butt.clouds.rentals import refuse_without_room

        bot_is_asked_for.connect(refuse_without_room)
