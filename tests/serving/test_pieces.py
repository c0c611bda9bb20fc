"""A body reaches the application whole and in order, in whatever pieces it arrives."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from butt.serving.connections import connection_class

LARGE = 300_000


@pytest.mark.parametrize(
    "sizes",
    [[LARGE], [1] * 2000, [LARGE, 1, 1, LARGE], [1, LARGE, LARGE, 1], [70_000] * 20],
    ids=["one", "tiny", "large around tiny", "tiny around large", "many"],
)
def test_a_body_comes_whole_and_in_order(sizes: list[int]):
    pieces = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    assert asyncio.run(posted(b"Transfer-Encoding: chunked", chunks + b"0\r\n\r\n")) == b"".join(pieces)
    whole = b"".join(pieces)
    assert asyncio.run(posted(b"Content-Length: %d" % len(whole), whole)) == whole


async def posted(header: bytes, body: bytes) -> bytes:
    """What the application was given of a body."""
    got = bytearray()

    async def application(_: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            got.extend(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(application, http=connection_class(), lifespan="off", log_config=None)
    config.load()
    kind: Any = config.http_protocol_class
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: kind(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + b"\r\n\r\n" + body)
        await writer.drain()
        assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 204")
        writer.close()
    return bytes(got)
