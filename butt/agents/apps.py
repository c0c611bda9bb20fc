from django.apps import AppConfig

from butt.waking.telling import tell_of_writes


class AgentsConfig(AppConfig):
    name = "butt.agents"
    label = "agents"

    def ready(self) -> None:
        tell_of_writes()
