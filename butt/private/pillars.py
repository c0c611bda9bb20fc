"""`GET /agents/{minionId}` for very many machines, each of which asks once a minute.

A request through Django gets its own thread and a new database connection; with 10,000 machines, three
requests arrive in the time that one connection takes. Here a few threads keep theirs.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from asgiref.typing import ASGISendCallable, HTTPScope
from django.db import connections
from django.http import HttpResponse
from django.urls import resolve

from butt.private.gate import refusal_of
from butt.private.machines import broken, pillar_answer
from butt.private.sending import send_answer

log = logging.getLogger("butt.private")

THREADS = 4
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pillar")


async def send_pillar(scope: HTTPScope, send: ASGISendCallable) -> None:
    given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    done = await asyncio.get_running_loop().run_in_executor(_threads, _answer, given, scope["path"])
    length = (b"content-length", str(len(done.content)).encode())
    await send_answer(done, send, length, has_body=scope["method"] != "HEAD")


def _answer(authorization: str, path: str) -> HttpResponse:
    def answer() -> HttpResponse:
        refusal = refusal_of(authorization, path)
        return refusal or pillar_answer(resolve(path, "butt.private.urls").kwargs["minion_id"])

    return _over_a_kept_connection(answer)


def _over_a_kept_connection(answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Try once more if the connection turns out to be closed; any other error is for the caller to report."""
    for last in (False, True):
        try:
            return answer()
        except Exception:
            with suppress(Exception):
                connections.close_all()
            if last:
                log.exception("a pillar cannot be told")
    return broken(None)
