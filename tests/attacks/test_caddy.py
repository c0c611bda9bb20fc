"""The shipped proxy in front of the service: the service's promises also hold through it."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from butt.agents.states import State
from butt.hosts.interface import Folder
from butt.limits.table import HEAD_BYTES, PERSON_PAGES
from tests.attacks.lines import are_closed, heard, line
from tests.caddy import Caddy
from tests.exports.folders import KEYS, add_blob, fill
from tests.imports.tars import folder_files, tar_of
from tests.lanes import free_ports
from tests.pages.server import Pages
from tests.service import Service, wait_for
from tests.visitor import Visitor

MISSES = 5
BIG = 24 << 20


class Site(Pages):
    """The public server, which is told that a proxy is in front."""

    def __init__(self, home: Path, caddy: Caddy) -> None:
        super().__init__(home, limits="body-seconds=3")
        self.environment |= {"BUTT_URL": caddy.public.url, "BUTT_JOINS_PER_MINUTE": str(MISSES)}


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caddy]:
    with Caddy(tmp_path_factory.mktemp("caddy")) as caddy:
        yield caddy


@pytest.fixture(scope="module")
def site(caddy: Caddy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("home"), caddy) as site:
        caddy.is_before(site)
        yield site


@pytest.fixture
def visitor(caddy: Caddy, site: Site) -> Iterator[Visitor]:
    with Visitor(caddy.public) as visitor:
        yield visitor


@pytest.fixture
def lines() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    with ExitStack() as stack:
        stack.callback(lambda: [each.close() for each in opened])
        yield opened


def guesses(visitor: Visitor, named: str) -> int:
    return visitor.asks("GET", "/join/guess", **{"X-Forwarded-For": named}).status


def test_nobody_can_fake_their_address(caddy: Caddy, site: Site):
    """Caddy overwrites what a visitor claims; a visitor who reaches the service without Caddy is not
    believed.
    """
    with Visitor(caddy.public, "127.9.0.1") as eve, Visitor(caddy.public, "127.9.0.2") as alice:
        said = [guesses(eve, f"203.0.113.{number}") for number in range(MISSES + 1)]
        assert said == [404] * MISSES + [429]
        assert guesses(alice, "127.9.0.1") == 404, (
            "it counts for who asked, and not for all whom Caddy serves"
        )
    with Visitor(site.door, "127.9.0.3") as mallory:
        forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        assert mallory.asks("GET", "/join/guess", **forged).status == 301, "nor is it believed to be https"


def test_a_slow_sender_is_cut_off(caddy: Caddy, site: Site, lines: list[socket.socket]):
    host = caddy.public.host
    lines.append(socket.create_connection(("127.0.0.1", caddy.public.port)))
    lines += [line(caddy.public, said) for said in (b"", f"GET / HTTP/1.1\r\nHost: {host}\r\nX: ".encode())]
    slow = line(
        caddy.public, f"POST /start HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\nx".encode()
    )
    assert heard(slow).startswith(b"HTTP/1.1 408 ")
    wait_for(lambda: are_closed(lines) == len(lines))
    slow.close()


def test_a_head_that_is_too_long_is_refused(visitor: Visitor):
    assert visitor.asks("GET", "/up", X="x" * 2 * HEAD_BYTES.most).status == 431


def test_open_pages_are_updated_at_once_and_counted(
    caddy: Caddy, visitor: Visitor, lines: list[socket.socket]
):
    visitor.registers("alice@example.org")
    visitor.token = ""
    assert visitor.signs_in("alice@example.org") == 302
    head = (
        f"GET /live HTTP/1.1\r\nHost: {caddy.public.host}\r\nCookie: butt={visitor.cookies['butt']}\r\n\r\n"
    )

    def opens() -> bytes:
        lines.append(line(caddy.public, head.encode()))
        return lines[-1].recv(13)

    assert [opens() for _ in range(PERSON_PAGES.most + 1)][-2:] == [b"HTTP/1.1 200 ", b"HTTP/1.1 204 "]
    for each in lines:
        each.close()
    wait_for(lambda: opens() == b"HTTP/1.1 200 ")


def test_a_websocket_request_gets_a_page(visitor: Visitor):
    heads = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert visitor.asks("GET", "/up", **heads, **{"Sec-WebSocket-Key": "x" * 22 + "=="}).status == 200
    assert visitor.asks("GET", "/up").status == 200


def test_big_exports_and_imports_come_through(site: Site, visitor: Visitor, tmp_path: Path):
    visitor.registers("bob@example.org")
    made: Any = visitor.asks("POST", "/agents", {"type": "bot", "name": "big", "service": "pub"}).json
    site.write(made, "progress", ssb_id=KEYS.id)
    site.turn(made, State.ALIVE)
    add_blob(fill(Folder(site.home / "bots" / made["id"])), bytes(BIG))
    answer = visitor.asks("GET", f"/agents/{made['id']}/export/blobs")
    assert (answer.status, len(answer.body)) == (200, int(answer.heads["Content-Length"]))
    assert len(answer.body) > BIG
    blob = add_blob(Folder(tmp_path / "there"), bytes(BIG))
    tar = tar_of(
        [
            *folder_files(tmp_path / "here").items(),
            (f"blobs/sha256/{blob.parent.name}/{blob.name}", bytes(BIG)),
        ]
    )
    path = "/agents/import?name=brought&stopped=for-good"
    came = visitor.asks("POST", path, tar, "application/x-tar")
    assert came.status in {201, 409}, came


class Nobody(Service):
    """A service that is not running."""

    def __init__(self) -> None:
        self.port, self.private_port = free_ports(2)


def test_visitors_wait_while_the_service_restarts(tmp_path: Path):
    service = Nobody()
    with Caddy(tmp_path) as caddy:
        caddy.is_before(service)
        asked = f"GET /start HTTP/1.1\r\nHost: {caddy.public.host}\r\n\r\n"
        with line(caddy.public, asked.encode()) as waiting:
            waiting.settimeout(1)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            with socket.create_server(("127.0.0.1", service.port)) as restarted:
                restarted.settimeout(20)
                connection, _ = restarted.accept()
                with connection:
                    connection.settimeout(20)
                    assert connection.recv(65536).startswith(b"GET /start ")
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    waiting.settimeout(20)
                    assert waiting.recv(13) == b"HTTP/1.1 200 "
