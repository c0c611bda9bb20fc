"""A client for a whole module, and pubs that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pub.pubs import Client, Pub


@pytest.fixture(scope="module")
def client(built_node_pub: Path) -> Iterator[Client]:
    client = Client(built_node_pub)
    yield client
    client.close()


@pytest.fixture
def make_pub(built_pub: Path, tmp_path: Path, client: Client) -> Iterator[Callable[..., Pub]]:
    pubs = []

    def make(name: str = "pub", **config: object) -> Pub:
        pub = Pub(built_pub, tmp_path / name, **{"master": [client.keys["id"]], **config})
        pubs.append(pub)
        return pub

    yield make
    for pub in pubs:
        pub.kill()


@pytest.fixture
def pub(make_pub: Callable[..., Pub]) -> Pub:
    return make_pub().start()
