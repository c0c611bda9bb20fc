"""Apps and a pub that end with their test."""

import base64
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import KeyPair
from tests.clients.apps import App
from tests.clients.servers import Server
from tests.pub.pubs import Client, Pub

MakeApp = Callable[..., App | Server]


@pytest.fixture(scope="module")
def client(built_stock: Path) -> Iterator[Client]:
    client = Client(built_stock)
    yield client
    client.close()


@pytest.fixture
def pub(built_pub: Path, tmp_path: Path, client: Client) -> Iterator[Pub]:
    pub = Pub(built_pub, tmp_path / "pub", master=[client.keys["id"]]).start()
    yield pub
    pub.kill()


@pytest.fixture
def make_app(tmp_path: Path, built_stock: Path) -> Iterator[MakeApp]:
    """Makes apps by the names of their sets, and `ssb-server`."""
    apps: list[App | Server] = []

    def make(name: str, person: str, **more: Any) -> App | Server:
        folder = tmp_path / person
        made = Server(built_stock, folder, **more) if name == "ssb-server" else App(name, folder, **more)
        apps.append(made)
        return made

    yield make
    for app in apps:
        if app.process.poll() is None:
            app.kill()


@pytest.fixture
def invite(pub: Pub, client: Client) -> Callable[..., str]:
    """Make a code as the service does: it makes the key, and tells the pub its id."""

    def invite(uses: int = 1) -> str:
        seed = secrets.token_bytes(32)
        offer: dict[str, Any] = {"id": KeyPair(seed).id, "uses": uses, "note": "friends", "expires": None}
        client.call(pub, "butt.offer", offer)
        place = f"127.0.0.1:{pub.config['port']}:{pub.id}"
        return f"{place}~{base64.b64encode(seed).decode()}"

    return invite
