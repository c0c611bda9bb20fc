from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "butt.agents"
    label = "agents"
