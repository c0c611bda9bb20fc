from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.scuttlekit.replication.pubs import Make, Pub, running
from tests.scuttlekit.store.voices import Voice, alice, bob

__all__ = ["alice", "bob"]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes pubs that end with their test."""
    async with AsyncExitStack() as stack:

        async def make_pub(name: str = "pub", **how: object) -> Pub:
            return await stack.enter_async_context(running(tmp_path, name, **how))

        yield make_pub


@pytest.fixture
async def pub(make: Make) -> Pub:
    return await make()


@pytest.fixture
def carol() -> Voice:
    return Voice("carol")
