from django.apps import AppConfig


class InvitesConfig(AppConfig):
    name = "butt.invites"
    label = "invites"
