"""The public server: pages in a few threads that keep their database connection, streams on the event loop.

Django alone starts a thread, and with it a database connection, for each request, and goes to and fro between threads
and the event loop five times on its way: that took longer than most pages do. Here a request leaps to a thread once, and
its answer back. Django also keeps every body whole before a view is asked whether it wants one: here a body is small,
or the view reads it as it comes.
"""

import asyncio
import io
import os
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - Django is set up first
from django.core import signals  # noqa: E402
from django.core.exceptions import RequestAborted  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.core.handlers.base import BaseHandler  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.http import FileResponse, HttpResponse  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402
from django.urls import Resolver404, resolve, set_script_prefix  # noqa: E402

from butt.public.refusals import Refusal, refuse  # noqa: E402
from butt.public.uploads import VIEWS, Incoming, Receive, forget  # noqa: E402

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

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        name, streams = _view(scope["path"])
        if scope["method"] == "POST" and name in VIEWS:
            await self._take(scope, receive, send)
            return
        bounded = _bounded(receive, _announced(scope))
        try:
            if streams:
                await super().__call__(scope, bounded, send)
            else:
                await self._page(scope, bounded, send)
        except TooBig:
            await self._refuse(scope, Refusal.TOO_BIG, receive, send)

    async def _page(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            response = await self._in_thread(self._threads, partial(self._respond, scope, body))
        await self._send(response, receive, send)

    async def _take(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request whose view reads the body by itself."""
        if self._uploading >= MOST_UPLOADS:
            await self._refuse(scope, Refusal.TOO_MANY, receive, send)
            return
        body = Incoming(receive, asyncio.get_running_loop(), _announced(scope))
        self._uploading += 1
        try:
            response = await self._in_thread(self._uploads, partial(self._respond, scope, io.BytesIO(), body))
            if not body.is_over:
                response["Connection"] = "close"
                if body.is_awaited or not _waits_to_send(scope):
                    await forget(receive)
        finally:
            self._uploading -= 1
        await self._send(response, receive, send)

    async def _refuse(self, scope: Any, refusal: Refusal, receive: Receive, send: Send) -> None:
        """Answer a request whose body nobody wants: some of it is taken, so that its sender gets to read why."""
        respond = partial(self._respond, scope, io.BytesIO(), refusal=refusal)
        response = await self._in_thread(self._threads, respond)
        response["Connection"] = "close"
        if not _waits_to_send(scope):
            await forget(receive)
        await self._send(response, receive, send)

    async def _in_thread(self, threads: Executor, respond: Any) -> HttpResponseBase:
        response: HttpResponseBase = await asyncio.get_running_loop().run_in_executor(
            threads, copy_context().run, respond
        )
        return response

    def _respond(
        self, scope: Any, body: Any, incoming: Incoming | None = None, refusal: Refusal | None = None
    ) -> HttpResponseBase:
        set_script_prefix("/")
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request, response = self.create_request(scope, body)
            if request is not None:
                if incoming is not None:
                    request.META["butt.incoming"] = incoming
                if refusal is not None:
                    refuse(request, refusal)
                response = self._answer(request)
            assert response is not None  # noqa: S101 - there is a request, or an answer to what is none
            return _whole(response)
        finally:
            close_old_connections()

    async def _send(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """A stream ends when whom it is for goes away."""
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


def _view(path: str) -> tuple[str | None, bool]:
    """The name of the view at `path`, and whether it runs on the event loop."""
    try:
        found = resolve(path)
    except Resolver404:
        return None, False
    return found.view_name, iscoroutinefunction(found.func)


def _whole(response: HttpResponseBase) -> HttpResponseBase:
    """What need not stay open is read and closed here, in the thread: a page, and a file of the service's own."""
    if isinstance(response, FileResponse):
        whole = HttpResponse(b"".join(response), status=response.status_code, headers=dict(response.items()))
        response.close()
        return whole
    if not response.streaming:
        response.close()
    return response


def _announced(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


def _waits_to_send(scope: Any) -> bool:
    """Whether its sender asks whether to send the body at all: taking of that would say yes."""
    return (b"expect", b"100-continue") in scope["headers"]


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


application = Server()
