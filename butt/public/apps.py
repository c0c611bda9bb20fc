from django.apps import AppConfig
from django.contrib.admin import apps as admin


class PublicConfig(AppConfig):
    name = "butt.public"
    label = "public"
    default = True


class ConsoleConfig(admin.AdminConfig):
    default = False
    default_site = "butt.public.console.Console"
