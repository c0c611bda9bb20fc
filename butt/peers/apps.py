from django.apps import AppConfig


class PeersConfig(AppConfig):
    name = "butt.peers"
    label = "peers"
