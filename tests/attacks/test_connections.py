"""Opening many connections and sending little keeps nobody out."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from butt.limits.table import BODIES, HEAD_BYTES, PIPELINED, SILENT_CONNECTIONS
from tests.attacks.lines import are_closed, heard, line, open_many_files
from tests.pages.server import Pages
from tests.service import Person, wait_for

MANY = 2500
A_BYTE = b"POST /start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[socket.socket]]:
    """Connections of the attacker, which are closed after the test."""
    open_many_files()
    opened: list[socket.socket] = []
    with ExitStack() as stack:
        stack.callback(lambda: [each.close() for each in opened])
        yield opened


@pytest.fixture(scope="module")
def alice(server: Pages) -> Person:
    return server.person("alice@example.org")


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHost:", A_BYTE], ids=["silence", "half a head", "a byte"]
)
def test_thousands_of_silent_connections_keep_nobody_out(
    server: Pages, alice: Person, lines: list[socket.socket], said: bytes
):
    """The connections come from the address that honest people use, too."""
    for _ in range(MANY):
        lines.append(line(server.door, said))
        if len(lines) % 250 == 0:
            assert len(alice.call("GET", "/agents")["agents"]) == 1
    assert max(SILENT_CONNECTIONS.most, BODIES.most) < MANY
    wait_for(lambda: are_closed(lines))


def test_a_head_that_does_not_end_is_cut_off(lines: list[socket.socket], tmp_path: Path):
    with Pages(tmp_path, limits="head-seconds=1 body-seconds=1") as site:
        lines += [line(site.door, said) for said in (b"", b"GET /up HTTP/1.1\r\n", A_BYTE)]
        answers = [heard(each).partition(b"\r\n")[0] for each in lines]
    assert answers == [b"", b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 408 Request Timeout"]


def test_a_head_of_many_megabytes_is_not_read(server: Pages, lines: list[socket.socket]):
    before = psutil.Process(server.process.pid).memory_info().rss
    for head in (
        b"GET / HTTP/1.1\r\nX: ",
        b"GET /",
        b"POST /start HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ):
        one = line(server.door, head)
        lines.append(one)
        assert sent_until_refused(one, 200 << 20) < 100 << 20, "what lies in the buffers of both ends"
    assert psutil.Process(server.process.pid).memory_info().rss - before < 20 << 20


def sent_until_refused(one: socket.socket, most: int) -> int:
    sent = 0
    with suppress(ConnectionError):
        while sent < most:
            sent += one.send(b"x" * (1 << 20))
    return sent


def test_a_head_that_is_too_long_is_refused(server: Pages, lines: list[socket.socket]):
    for size, status in ((HEAD_BYTES.most - 1000, b"200"), (HEAD_BYTES.most + 1, b"431")):
        one = line(
            server.door,
            b"GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " + b"x" * size + b"\r\n\r\n",
        )
        lines.append(one)
        assert heard(one).split()[1] == status


def test_pipelined_requests_are_bounded(server: Pages, lines: list[socket.socket]):
    asked = b"GET /up HTTP/1.1\r\nHost: localhost\r\n\r\n"
    lines += [line(server.door, asked * (PIPELINED.most - 2)), line(server.door, asked * 10_000)]
    answers = [heard(each, 7).count(b"HTTP/1.1 200") for each in lines]
    assert answers[0] == PIPELINED.most - 2
    assert answers[1] <= PIPELINED.most


def test_pipelined_requests_of_a_closed_connection_are_dropped(server: Pages, lines: list[socket.socket]):
    """The journal gets no error for each request that stays unanswered."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * (PIPELINED.most - 2)
    for said in (asked, asked + b"no request\r\n\r\n", asked * 2):
        lines += [line(server.door, said) for _ in range(20)]
    for each in lines:
        each.close()
    wait_for(lambda: not psutil.Process(server.process.pid).net_connections()[1:])
    assert len(server.call("GET", "/belongs", token=server.person("bob@example.org").token)) > 0
    assert "Traceback" not in (server.home / "up.log").read_text()


def test_a_client_that_does_not_read_its_answer_is_cut_off(lines: list[socket.socket], tmp_path: Path):
    with Pages(tmp_path, limits="stall-seconds=1") as site:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", site.port))
        small.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30)
        small.settimeout(0.1)
        part = psutil.Process(site.process.pid)
        there = (("127.0.0.1", site.port), small.getsockname())
        wait_for(lambda: not any((c.laddr, c.raddr) == there for c in part.net_connections()))
        small.close()
