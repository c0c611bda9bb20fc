from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from scuttlekit import KeyPair
from scuttlekit.pub.store import Note, Store
from tests.scuttlekit.store.voices import alice, bob

__all__ = ["alice", "bob"]

Opens = Callable[..., Store]


@pytest.fixture
def own() -> KeyPair:
    return KeyPair(b"o" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opens(folder: Path, own: KeyPair) -> Iterator[Opens]:
    """Opens the store of the folder; stores that a test leaves open are closed after it."""
    opened: list[Store] = []

    def open_store(note: Note | None = None) -> Store:
        store = Store.open(folder, own, note)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        with suppress(OSError):
            store.close()
