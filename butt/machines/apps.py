from django.apps import AppConfig


class MachinesConfig(AppConfig):
    name = "butt.machines"
    label = "machines"
