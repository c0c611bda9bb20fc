"""A machine is lost with its disk: its bot comes back from the vault on another machine, and uses no number twice."""

import asyncio
import shutil
from pathlib import Path

import psutil
import pyrage
import pytest
from obstore.store import LocalStore

from butt.agents.actions import start, stop
from butt.agents.bots import bots
from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.identity import service_keys
from butt.operating.moving import place_of
from butt.vault import sender
from butt.vault.coming_back import bring_back
from butt.vault.keeper import VaultKeeper
from butt.vault.writing import VaultWriter
from scuttlekit import Address, RemoteError, ScuttlebuttError, connect
from tests.sources.conftest import settings_of
from tests.whole.test_moving import Land, bot, copies, land, pubs, says

__all__ = ["bot", "land", "settings_of"]

pytestmark = pytest.mark.django_db


def test_its_bot_comes_back_on_another_machine(
    land: Land, bot: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender, "WAIT", 0.0)
    alice, key = bot.belongs_to.get().target_agent, pyrage.x25519.Identity.generate()
    ssb_id = land.moves(bot, "m1").progress.ssb_id
    last = says(bot, "I live on m1")
    store = LocalStore(tmp_path / "vault", mkdir=True)
    lost = land.boxes["m1"]
    writer = VaultWriter(store, key.to_public(), key.to_public())
    VaultKeeper(writer, lost.processes.bots, 1 << 30).send(bot.id, str(ssb_id))

    del land.boxes["m1"]
    for pub in pubs(land):
        pub.kill()
    lost.processes.stop_all()
    psutil.wait_procs(pubs(land), timeout=30)
    shutil.rmtree(tmp_path / "m1")
    stop(alice, bots().get(id=bot.id))
    bring_back(bots().get(id=bot.id), land.host, store, [key], elsewhere=True)
    start(alice, bots().get(id=bot.id))
    back = land.turn_until(bot, lambda now: now.progress.state == State.ALIVE and is_hushed(bot))

    assert (place_of(back), back.progress.ssb_id, copies(land, bot)) == ("m2", ssb_id, ["m2"])
    says_that_nothing_is_newer(bot)
    assert says(bot, "I live on m2") == last + 1


def is_hushed(bot: Agent) -> bool:
    """Whether the bot answers, and publishes nothing yet."""
    try:
        says(bot, "too early")
    except RemoteError as error:
        assert "catching up with its own messages" in str(error)
        return True
    except ScuttlebuttError:
        return False
    raise AssertionError("it spoke")


def says_that_nothing_is_newer(bot: Agent) -> None:
    """As the monitor tells the pub once the owner has confirmed it."""
    progress = Progress.objects.get(bot=bot)
    address = Address(progress.address, progress.port or 0, progress.ssb_id or "")

    async def told() -> None:
        async with connect(address, service_keys()) as peer:
            await peer.call("butt.caughtUp")

    asyncio.run(told())
