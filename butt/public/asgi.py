"""The public server: pages in a few threads that keep their database connection, streams on the event loop.

Django alone starts a thread, and with it a database connection, for each request, and goes to and fro between it
and the event loop at each middleware: that took longer than most pages do. It also keeps every body whole before a
view is asked whether it wants one: here a body is small, or the view reads it as it comes.
"""

import asyncio
import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from inspect import iscoroutinefunction
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - Django is set up first
from django.core import signals  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.core.handlers.base import BaseHandler  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402
from django.urls import Resolver404, resolve  # noqa: E402

from butt.public.uploads import VIEWS, Incoming, Receive, with_words  # noqa: E402

THREADS = 32
MOST_UPLOADS = 8
"""How many bodies are read as streams at once."""

MOST_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
Send = Any


class TooBig(Exception):
    """A body that no page or call takes."""


class Server(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        pages = BaseHandler()
        pages.load_middleware()
        self._answer = pages.get_response
        self._threads = ThreadPoolExecutor(THREADS, "page")
        self._uploads = ThreadPoolExecutor(MOST_UPLOADS, "upload")
        self._uploading = 0

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and _takes_a_stream(scope["path"]):
            await self._take(scope, receive, send)
            return
        try:
            await super().handle(scope, _bounded(receive, _announced(scope)), send)
        except TooBig:
            await self.send_response(_short("This is more than anything here takes.", 413), send)

    async def _take(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request whose view reads the body by itself."""
        await signals.request_started.asend(sender=self.__class__, scope=scope)
        request, response = self.create_request(scope, io.BytesIO())
        if self._uploading >= MOST_UPLOADS:
            response = _short("Too much is being brought at once; try again later.", 503)
        elif request is not None:
            loop, context = asyncio.get_running_loop(), copy_context()
            request.META["butt.incoming"] = Incoming(receive, loop, _announced(scope))
            self._uploading += 1
            try:
                response = await loop.run_in_executor(
                    self._uploads, context.run, with_words(self._page), request
                )
            finally:
                self._uploading -= 1
        if response is not None:
            await self.send_response(response, send)
            await asyncio.to_thread(response.close)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if _is_stream(request.path_info):
            streamed: HttpResponseBase = await super().get_response_async(request)
            return streamed
        loop, context = asyncio.get_running_loop(), copy_context()
        return await loop.run_in_executor(self._threads, context.run, self._page, request)

    def _page(self, request: HttpRequest) -> HttpResponseBase:
        close_old_connections()
        try:
            return self._answer(request)
        finally:
            close_old_connections()


def _is_stream(path: str) -> bool:
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False


def _takes_a_stream(path: str) -> bool:
    try:
        return resolve(path).view_name in VIEWS
    except Resolver404:
        return False


def _announced(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


def _bounded(receive: Receive, announced: int) -> Receive:
    left = MOST_BODY

    async def bounded() -> Any:
        nonlocal left
        if announced > MOST_BODY:
            raise TooBig
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooBig
        return message

    return bounded


def _short(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain", headers={"Connection": "close"})


application = Server()
