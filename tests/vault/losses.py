"""Bots that are written to without pause while their whole data folder is lost, with everything that runs."""

import asyncio
import shutil
import time
from contextlib import suppress
from typing import Any

import psutil

from scuttlekit import RemoteError
from tests import stock
from tests.exports.living import master_of
from tests.service import Person, Service, wait_for

PATIENCE = 300.0
MOST = 1_000_000
Said = dict[int, tuple[str, float]]
"""Of each sequence its message's key, and when it was acknowledged."""


async def write(site: Service, seen: Any, said: Said) -> None:
    """Publish messages until the task is cancelled."""
    async with master_of(site, seen) as peer:
        while True:
            message = await peer.call("publish", {"type": "post", "text": f"{len(said)}"}, timeout=60)
            said[message["value"]["sequence"]] = message["key"], time.monotonic()


async def ended(writing: list[asyncio.Task[None]]) -> None:
    for task in writing:
        task.cancel()
    for result in await asyncio.gather(*writing, return_exceptions=True):
        assert isinstance(result, asyncio.CancelledError), result


def destroy(site: Service) -> None:
    """Remove the bots' processes and folders, as if the power and the disk had failed. The database stays."""
    mine = [process for process in psutil.process_iter(["cmdline"]) if _is_of(site, process)]
    for process in mine:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _, left = psutil.wait_procs(mine, timeout=30)
    assert not left, left
    site.process.wait()
    shutil.rmtree(site.home / "bots")


def _is_of(site: Service, process: psutil.Process) -> bool:
    return str(site.home) in " ".join(process.info["cmdline"] or [])


def wait_until_back(alice: Person, bots: list[Any]) -> None:
    """Until each is alive again, catching up."""

    def is_back(bot: Any) -> bool:
        copy = alice.call("GET", f"/agents/{bot['id']}/vault")
        seen = alice.sees(bot)
        there = seen.get("state") == "alive" and "publishes nothing" in (seen.get("reason") or "")
        return there and not copy["comesBack"] and copy["lostAt"] is None

    for bot in bots:
        wait_for(lambda bot=bot: is_back(bot), PATIENCE)


async def lost_of(site: Service, seen: Any, said: Said) -> Said:
    """What was acknowledged and is not there. No number may be another message's, and nothing new is said yet."""
    async with master_of(site, seen) as peer:
        there = await stock.feed_of(peer, most=MOST)
        with suppress(RemoteError):
            await peer.call("publish", {"type": "post", "text": "a number that was used"})
            raise AssertionError("it publishes before it has caught up")
    for sequence, (key, _) in said.items():
        assert there.get(sequence, key) == key, f"{sequence} is another message"
    return {sequence: what for sequence, what in said.items() if sequence not in there}
