"""A pub with one more call of each kind: built by the real builder, run by a steward, called by a
stranger.
"""

import asyncio

import pytest

from butt.agents.actions import create_bot
from butt.agents.models import Progress
from butt.agents.states import State
from butt.hosts.processes import Processes
from butt.sources import shelf
from butt.sources.builder import Builder
from butt.sources.releases import release
from scuttlekit import Address, KeyPair, RemoteError, connect
from tests.examples.conftest import EXAMPLES
from tests.people import person
from tests.whole.by_hand import steward_of, turn_until
from tests.whole.conftest import host

__all__ = ["host"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["greeting_pub", "greeting_pub_python"])
def test_it_is_built_comes_alive_and_greets_a_stranger(host: Processes, name: str):
    Builder(lambda: EXAMPLES / name).round()
    made = release(shelf.newest().key)
    assert not [path for path in made.path.iterdir() if path.is_symlink()], (
        "what was built needs nothing else"
    )
    bot = create_bot(person("alice"), "my")
    turn_until(State.ALIVE, steward_of(host, shelved=False), bot)
    progress = Progress.objects.get(bot=bot)
    assert progress.release == made.key
    pub = Address(progress.address, progress.port, progress.ssb_id or "")

    async def greet(name: object) -> object:
        async with connect(pub, KeyPair.generate()) as peer:
            return await peer.call("greeting.hello", name, timeout=30)

    assert asyncio.run(greet("Bob")) == f"Hello, Bob! I am {progress.ssb_id}."
    with pytest.raises(RemoteError, match="1 to 80 letters"):
        asyncio.run(greet(""))
