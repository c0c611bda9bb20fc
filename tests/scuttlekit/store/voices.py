"""Feeds that publish messages that a store accepts."""

from typing import Any

import pytest

from scuttlekit import KeyPair
from scuttlekit.messages import Head, Message, create

BEGAN = 1_700_000_000_000


class Voice:
    """A feed, at `head`."""

    def __init__(self, name: str, keys: KeyPair | None = None) -> None:
        self.keys = keys or KeyPair(name.encode().ljust(32, b"."))
        self.head: Head | None = None

    @property
    def id(self) -> str:
        return self.keys.id

    def says(self, content: Any) -> Message:
        sequence = self.head.sequence if self.head else 0
        message = create(content, self.keys, self.head, BEGAN + sequence)
        self.head = message.head
        return message

    def posts(self, *texts: str) -> list[Message]:
        return [self.says({"type": "post", "text": text}) for text in texts]

    def follows(self, other: str) -> Message:
        return self.says({"type": "contact", "contact": other, "following": True})


@pytest.fixture
def alice() -> Voice:
    return Voice("alice")


@pytest.fixture
def bob() -> Voice:
    return Voice("bob")
