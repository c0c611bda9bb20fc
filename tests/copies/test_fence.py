"""The way out to people's places: it leads to nothing private, whatever a name means."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from butt.copies import fence as fences
from butt.copies.fence import fence
from butt.public_addresses import is_public


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says once what it was told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(peer.recv(100))

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def asks(proxy: str, text: str, then: bytes = b"") -> bytes:
    host, _, port = proxy.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(text.encode())
        said = peer.recv(1000)
        if then:
            peer.sendall(then)
            said += peer.recv(1000)
        return said


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1%eth0",
    ],
)
def test_what_is_private_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_on_the_internet_is(address: str):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_nothing_private_is_reached(host: str, echo: int):
    with fence() as proxy:
        assert asks(proxy, f"CONNECT {host}:{echo} HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 403")


def test_a_name_that_means_both_is_not_reached(echo: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fences, "addresses_of", lambda *_: ["1.1.1.1", "127.0.0.1"])
    with fence() as proxy:
        assert asks(proxy, f"CONNECT both.example:{echo} HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 403")


def test_a_name_is_looked_up_once(echo: int, monkeypatch: pytest.MonkeyPatch):
    answers = [["127.0.0.1"], ["192.0.2.1"]]
    monkeypatch.setattr(fences, "addresses_of", lambda *_: answers.pop(0))
    may: Callable[[str], bool] = lambda address: address == "127.0.0.1"  # noqa: E731
    with fence(may) as proxy:
        said = asks(proxy, f"CONNECT turns.example:{echo} HTTP/1.1\r\n\r\n", b"hello")
    assert said == b"HTTP/1.1 200 OK\r\n\r\nhello"
    assert len(answers) == 1


@pytest.mark.parametrize(
    "text", ["GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", "CONNECT x:99999 HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n"]
)
def test_only_a_tunnel_is_made(text: str):
    with fence() as proxy:
        assert asks(proxy, text).startswith(b"HTTP/1.1 405")
