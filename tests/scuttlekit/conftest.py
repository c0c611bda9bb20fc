import pytest

from scuttlekit import KeyPair


@pytest.fixture
def pub() -> KeyPair:
    return KeyPair(b"p" * 32)


@pytest.fixture
def alice() -> KeyPair:
    return KeyPair(b"a" * 32)


@pytest.fixture
def bob() -> KeyPair:
    return KeyPair(b"b" * 32)
