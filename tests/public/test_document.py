"""The API's document is long, the same for everybody, and open to anybody."""

import asyncio
import threading

import pytest
from asgiref.testing import ApplicationCommunicator

from butt.public.asgi import THREADS, PublicServer
from butt.serving.clients import Client

pytestmark = pytest.mark.django_db(transaction=True)


async def asks(
    server: PublicServer, method: str = "GET", host: bytes = b"127.0.0.1:8000"
) -> tuple[int, bytes]:
    scope = {"type": "http", "method": method, "path": "/openapi.json", "query_string": b""}
    line = ApplicationCommunicator(server, {**scope, "headers": [(b"host", host)]})
    await line.send_input({"type": "http.request", "body": b""})
    start, body = await line.receive_output(20), await line.receive_output(20)
    await line.wait()
    return start["status"], body["body"]


async def test_the_document_is_served_while_every_thread_is_busy():
    server, enough = PublicServer(), threading.Event()
    first = await asks(server)
    assert first[0] == 200
    assert first[1].startswith(b'{"openapi"')
    others = [
        asyncio.ensure_future(server._pages.run(Client(f"192.0.2.{number}", 0, is_known=True), enough.wait))
        for number in range(THREADS)
    ]
    try:
        assert await asks(server) == await asks(server) == first
    finally:
        enough.set()
        await asyncio.gather(*others)


async def test_a_first_head_request_does_not_break_the_document():
    server = PublicServer()
    await asks(server, "HEAD")
    assert (await asks(server))[1].startswith(b'{"openapi"')


async def test_a_refused_first_request_does_not_break_the_document():
    server = PublicServer()
    assert (await asks(server, host=b"no host at all"))[0] == 400
    assert (await asks(server))[0] == 200


async def test_an_unknown_call_is_refused():
    assert (await asks(PublicServer(), "POST"))[0] in {403, 405}
