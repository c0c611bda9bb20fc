"""The public server as uvicorn runs it: Django, with threads that stay.

Django gives each request a thread of its own and, in it, a connection to the database of its own, and runs each piece
of middleware in a leap to that thread and back: several times what most answers take. Here a request borrows a thread
that stays, with its open connection, and everything but sending the answer happens in one leap.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest
from django.http.response import HttpResponseBase

MOST_IDLE = 20
"""How many threads wait for a request; those that are needed beyond it end after one."""


class PublicHandler(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self._idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, "request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        finally:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self._answer)(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        close_old_connections()
        return self.get_response(request)


django.setup(set_prefix=False)
# What they do before a request is done in `_answer`; as receivers they would take a leap of their own.
for receiver in (close_old_connections, reset_queries):
    request_started.disconnect(receiver)
application = PublicHandler()
