import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler


class PrivateHandler(ASGIHandler):
    """The private paths and nothing else: no sessions, no static files."""


def _application() -> PrivateHandler:
    settings.ROOT_URLCONF = "butt.private.urls"
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "butt.private.gate.bearer"]
    return PrivateHandler()


application = _application()
