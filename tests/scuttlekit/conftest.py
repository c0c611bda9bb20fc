from collections.abc import Iterator
from pathlib import Path

import pytest

from scuttlekit import KeyPair
from tests.scuttlekit.modules import Modules


@pytest.fixture
def pub() -> KeyPair:
    return KeyPair(b"p" * 32)


@pytest.fixture
def alice() -> KeyPair:
    return KeyPair(b"a" * 32)


@pytest.fixture
def bob() -> KeyPair:
    return KeyPair(b"b" * 32)


@pytest.fixture(scope="session")
def modules(built_stock: Path) -> Iterator[Modules]:
    modules = Modules(built_stock)
    yield modules
    modules.close()
