"""Runs views in our own threads: Django's own way takes a thread and a database connection for each request."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix


class Pages(ASGIHandler):
    """Answers requests over ASGI: `respond` in a thread, `deliver` on the event loop.

    `watched` are the names of views for health checks: each has a thread of its own, as they must not wait behind other
    requests.
    """

    chunk_size = 1 << 20
    """Bytes. Django would cut what it sends into pieces of 64 KiB, and hand over each by itself."""

    def __init__(self, watched: Iterable[str] = ()) -> None:
        super().__init__()
        self.watched = {name: ThreadPoolExecutor(1, name) for name in watched}
        views = BaseHandler()
        views.load_middleware()
        self._answer = views.get_response

    def respond(
        self,
        scope: Any,
        body: Any,
        prepare: Callable[[HttpRequest], None] = lambda _: None,
        answered: Callable[[HttpRequest], None] = lambda _: None,
    ) -> HttpResponseBase:
        """The answer to a request, made in the calling thread. The body stays open, as the view may be run
        again.

        `prepare` gets the request before the view does, `answered` after it.
        """
        set_script_prefix("/")
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request, response = self.create_request(scope, cast("Any", Borrowed(body)))
            if request is not None:
                prepare(request)
                response = self._answer(request)
                answered(request)
            assert response is not None  # nosec B101 # noqa: S101 - there is a request, or an answer to what is none
            return _whole(response)
        finally:
            close_old_connections()

    async def tell_watcher(self, name: str, respond: Callable[[], HttpResponseBase], send: Any) -> None:
        """Answer a view that is `watched`."""
        loop = asyncio.get_running_loop()
        await self.send_response(await loop.run_in_executor(self.watched[name], respond), send)

    async def deliver(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Send the answer. A stream ends when its client disconnects."""
        if not response.streaming:
            await self.send_response(response, send)
            return
        sending = asyncio.ensure_future(self.send_response(response, send))
        gone = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, gone):
                task.cancel()
            with suppress(asyncio.CancelledError, RequestAborted):
                await gone
            try:
                with suppress(asyncio.CancelledError):
                    await sending
            finally:
                await asyncio.to_thread(response.close)


class Borrowed:
    """A body that stays open when its request is closed."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Whoever lent it closes it."""


def announced(scope: Any) -> int:
    """The announced size of the body in bytes; 0 if none was announced."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


def _whole(response: HttpResponseBase) -> HttpResponseBase:
    """Read and close here, in the thread, what need not stay open: a page, or a file of the service's own."""
    if isinstance(response, FileResponse):
        whole = HttpResponse(b"".join(response), status=response.status_code, headers=dict(response.items()))
        response.close()
        return whole
    if not response.streaming:
        response.close()
    return response
