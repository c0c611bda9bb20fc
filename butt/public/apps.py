from django.apps import AppConfig
from django.contrib.admin import apps as admin


class PublicConfig(AppConfig):
    name = "butt.public"
    label = "public"
    default = True


class ConsoleConfig(admin.SimpleAdminConfig):
    """What it shows is imported with `butt.public.urls`: the other parts of the service do without it, and start sooner."""

    default = False
    default_site = "butt.public.console.Console"
