from django.apps import AppConfig
from django.contrib.admin import apps as admin


class PublicConfig(AppConfig):
    name = "butt.public"
    label = "public"
    default = True


class ConsoleConfig(admin.SimpleAdminConfig):
    """Its contents are imported with `butt.public.urls`: the other parts of the service do not need them and
    start sooner.
    """

    default = False
    default_site = "butt.public.console.Console"
