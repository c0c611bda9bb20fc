"""A client for a whole module, and pubs that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pub.pubs import Client, Pub

MakePub = Callable[..., Pub]


@pytest.fixture(scope="module")
def client(built_stock: Path) -> Iterator[Client]:
    client = Client(built_stock)
    yield client
    client.close()


@pytest.fixture
def make(tmp_path: Path, client: Client) -> Iterator[MakePub]:
    """Make pubs of any release."""
    pubs = []

    def make(release: Path, name: str = "pub", **config: object) -> Pub:
        pub = Pub(release, tmp_path / name, **{"master": [client.keys["id"]], **config})
        pubs.append(pub)
        return pub

    yield make
    for pub in pubs:
        pub.kill()


@pytest.fixture
def make_node_pub(built_node_pub: Path, make: MakePub) -> MakePub:
    return lambda name="pub", **config: make(built_node_pub, name, **config)


@pytest.fixture
def make_pub(built_pub: Path, make: MakePub) -> MakePub:
    return lambda name="pub", **config: make(built_pub, name, **config)


@pytest.fixture
def pub(make_pub: MakePub) -> Pub:
    return make_pub().start()
