import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler


class PrivateHandler(ASGIHandler):
    """The private paths and nothing else: no sessions, no static files. No body is read before its size is bounded."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind = (scope["method"], name_of(scope["path"])) if scope["type"] == "http" else ()
        if kind == ("PUT", "export"):
            await receive_export(scope, receive, send)
        elif kind in {("GET", "pillar"), ("HEAD", "pillar")}:
            await send_pillar(scope, send)
        else:
            await super().__call__(scope, _bounded(receive), send)


def _bounded(receive: Any) -> Any:
    """`receive`, for which a body that is too long ends like one whose sender hung up."""
    size = 0

    async def bounded() -> Any:
        nonlocal size
        event = await receive()
        size += len(event.get("body", b""))
        return event if size <= MOST_BYTES else {"type": "http.disconnect"}

    return bounded


def _application() -> PrivateHandler:
    settings.ROOT_URLCONF = "butt.private.urls"
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "butt.private.gate.bearer"]
    # Here each request has a thread of its own, and a connection that is kept would be left behind with it.
    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
    return PrivateHandler()


application = _application()

# Django is set up only now: these import models.
from butt.machines.reports import MOST_BYTES  # noqa: E402
from butt.private.exports import receive_export  # noqa: E402
from butt.private.gate import name_of  # noqa: E402
from butt.private.pillars import send_pillar  # noqa: E402
