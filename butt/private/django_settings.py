"""Django's settings in the process of the private server."""

from django.conf import settings


def use_private_settings() -> None:
    """Serve only the private paths, without sessions and static files. Call once, before `butt.private.asgi` is loaded.

    A settings module of its own would have no effect: `butt up` forks this process from one that has set Django up.
    """
    settings.ROOT_URLCONF = "butt.private.urls"
    # It always speaks plain HTTP: the proxy ends TLS for machines, and everything else uses loopback.
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = False, 0
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "butt.private.gate.bearer"]
