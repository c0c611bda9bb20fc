"""The public server: pages in a few threads that keep their database connection, streams on the event loop.

Django alone starts a thread, and with it a database connection, for each request, and goes to and fro between it
and the event loop at each middleware: that took longer than most pages do.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from inspect import iscoroutinefunction

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")
django.setup(set_prefix=False)

from django.core.handlers.asgi import ASGIHandler  # noqa: E402 - Django is set up first
from django.core.handlers.base import BaseHandler  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402
from django.urls import Resolver404, resolve  # noqa: E402

THREADS = 32


class Server(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        pages = BaseHandler()
        pages.load_middleware()
        self._answer = pages.get_response
        self._threads = ThreadPoolExecutor(THREADS, "page")

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


application = Server()
