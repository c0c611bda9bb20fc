"""What is counted for each request, and the id by which it is found in the journal."""

import re
import secrets
import time
from typing import Any

from butt.beats.counting import count
from butt.tracing import request_id

HEADER = b"x-request-id"
GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Histogram bounds: seconds until an answer begins."""


class Measured:
    """An ASGI application that wraps another one."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        began, given = time.monotonic(), dict(scope["headers"]).get(HEADER, b"")
        # The proxy gives each request an id. A visitor's own is only accepted if it can do no harm in a log.
        name = given if GOOD_ID.fullmatch(given) else secrets.token_hex(8).encode()
        request_id.set(name.decode())

        async def sending(event: Any) -> None:
            if event["type"] == "http.response.start":
                _note(event["status"], time.monotonic() - began)
                event = {**event, "headers": [*event.get("headers", ()), (HEADER, name)]}
            await send(event)

        await self._application(scope, receive, sending)


def _note(status: int, seconds: float) -> None:
    count("requests", f"{status // 100}xx")
    count("request_seconds", by=seconds)
    for bound in BOUNDS:
        if seconds <= bound:
            count("requests_within", str(bound))
