"""Each request has an id from the proxy to the journal, and is counted."""

import asyncio
import io
import json
import logging
from typing import Any

import pytest

from butt.beats.counting import counted
from butt.limits.logs import JsonFormatter, TextFormatter
from butt.serving.measured import Measured

log = logging.getLogger("tests.measured")


async def answering(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.to_thread(log.error, "this went wrong")
    await send({"type": "http.response.start", "status": 503, "headers": [(b"x", b"y")]})
    await send({"type": "http.response.body", "body": b""})


def ask(*headers: tuple[bytes, bytes]) -> str:
    """Make a request, and return the id in its answer."""
    said: list[Any] = []

    async def send(event: Any) -> None:
        said.append(event)

    asyncio.run(Measured(answering)({"type": "http", "headers": list(headers)}, None, send))
    return dict(said[0]["headers"])[b"x-request-id"].decode()


@pytest.fixture
def written() -> Any:
    streams = io.StringIO(), io.StringIO()
    handlers = [logging.StreamHandler(stream) for stream in streams]
    handlers[0].setFormatter(TextFormatter("{message}{request}", style="{"))
    handlers[1].setFormatter(JsonFormatter())
    for handler in handlers:
        log.addHandler(handler)
    log.propagate = False
    yield streams
    for handler in handlers:
        log.removeHandler(handler)


def test_the_proxys_id_is_in_the_log_and_in_the_answer(written: Any):
    assert ask((b"x-request-id", b"11111111-2222")) == "11111111-2222"
    plain, lines = written
    assert plain.getvalue() == "this went wrong [request 11111111-2222]\n"
    line = json.loads(lines.getvalue())
    assert (line["message"], line["request"], line["level"]) == ("this went wrong", "11111111-2222", "ERROR")


@pytest.mark.parametrize("odd", [b"", b"short", b"x" * 65, b"a b c d e f", b"12345678\n", b"\xff" * 10])
def test_an_id_that_could_break_a_log_is_replaced(odd: bytes):
    assert ask((b"x-request-id", odd)).isalnum()


def test_requests_errors_and_durations_are_counted():
    def now() -> dict[Any, float]:
        return {(name, labels): number for name, labels, number in counted()}

    before = now()
    ask()
    after = now()
    assert after["requests", ("5xx",)] == before.get(("requests", ("5xx",)), 0) + 1
    assert after["requests_within", ("10.0",)] == before.get(("requests_within", ("10.0",)), 0) + 1
    assert after["request_seconds", ()] > before.get(("request_seconds", ()), 0)
