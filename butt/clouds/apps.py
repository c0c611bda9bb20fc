from django.apps import AppConfig


class CloudsConfig(AppConfig):
    name = "butt.clouds"
    label = "clouds"
