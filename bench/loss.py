"""50 bots that are written to without pause lose their whole data folder in one moment, and come back from the vault.

Everything is killed, and nothing is stopped first; only the database and the vault are left. Then every message that was
acknowledged more than 10 s before must be there, and with a friend who heard the rest those too; no number is used twice.
Printed are how old the oldest lost message was, how long the way back took, and what the sender's memory was.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyrage

from bench.claims import claim
from butt.sources.releases import build
from scuttlekit import Address, KeyPair, ScuttlebuttError, connect
from tests import stock
from tests.exports.living import master_of
from tests.pub.pubs import Pub
from tests.service import Person, Service, wait_for
from tests.vault.losses import MOST, PATIENCE, Said, destroy, ended, lost_of, wait_until_back, write

BOTS, SECONDS, ALLOWED = 50, 30.0, 10.0
"""`ALLOWED` is how many seconds the vault may be behind."""

MASTER = KeyPair.generate()


def main(count: int = BOTS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        key = pyrage.x25519.Identity.generate()
        (place / "key.txt").write_text(f"{key}\n")
        os.environ["BUTT_HOME"] = folder
        release = build().path
        site = Service(
            place / "home",
            release,
            most_bots=count + 10,
            bots_per_person=count,
            vault=f"file://{place}/vault",
            vault_key=key.to_public(),
            vault_opens=place / "key.txt",
            vault_return="itself",
        )
        friend = Pub(release, place / "friend", master=[MASTER.id], caps={}).start()
        try:
            with site:
                asyncio.run(lose(site, friend, count))
        finally:
            friend.kill()


async def lose(site: Service, friend: Pub, count: int) -> None:
    alice = await asyncio.to_thread(site.person, "alice@example.org")
    bots = [await asyncio.to_thread(alice.names_a_bot, f"bot{number}") for number in range(count)]
    alive = [await asyncio.to_thread(alice.waits_for, "alive", bot, PATIENCE) for bot in bots]
    steward = site.part("steward")
    before = steward.memory_info().rss
    said: list[Said] = [{} for _ in bots]
    writing = [asyncio.create_task(write(site, bot, log)) for bot, log in zip(alive, said, strict=True)]
    # The friend hears what every second bot says.
    heard = list(range(0, count, 2))
    for number in heard:
        await follow(friend, alive[number])
    await asyncio.sleep(SECONDS)
    after = steward.memory_info().rss
    await ended([writing[number] for number in heard])
    await asyncio.gather(*(hears(friend, alive[number], max(said[number])) for number in heard))
    # The others write on until the loss.
    await ended([writing[number] for number in range(count) if number not in heard])
    lost_at = time.monotonic()
    friend.kill()  # It would dial by itself, and nothing could be said of the vault alone.
    await asyncio.to_thread(destroy, site)
    began = time.monotonic()
    await asyncio.to_thread(site.up)
    await asyncio.to_thread(wait_until_back, alice, bots)
    took, messages = time.monotonic() - began, sum(map(len, said))
    print(f"  {count} bots are back after {took:.0f} s, of which {messages:,} messages were heard")
    print(
        f"  the steward had {before / 1e6:.0f} MB before, and {after / 1e6:.0f} MB while they wrote",
        flush=True,
    )
    worst, missing = 0.0, 0
    for bot, log in zip(bots, said, strict=True):
        lost = await lost_of(site, await asyncio.to_thread(alice.sees, bot), log)
        missing += len(lost)
        worst = max([worst, *(lost_at - at for _, at in lost.values())])
    print(f"  {missing:,} messages were lost; the oldest was acknowledged {worst:.1f} s before", flush=True)
    assert worst <= ALLOWED, f"a message of {worst:.1f} s before is lost"
    claim(f"seconds that {count} bots lost", worst, ALLOWED, "s", "what may be lost")
    await asyncio.to_thread(friend.start)
    for number in heard:
        await follow(friend, await asyncio.to_thread(alice.sees, bots[number]))
    await asyncio.gather(*(with_a_friend(site, alice, bots[number], said[number]) for number in heard))
    print(
        f"  {len(heard)} bots have all of it again from a friend, and went on with the next number",
        flush=True,
    )


async def with_a_friend(site: Service, alice: Person, bot: Any, said: Said) -> None:
    await asyncio.to_thread(wait_for, lambda: alice.sees(bot)["reason"] is None, PATIENCE)
    async with master_of(site, await asyncio.to_thread(alice.sees, bot)) as peer:
        there = await stock.feed_of(peer, most=MOST)
        assert all(there.get(sequence) == key for sequence, (key, _) in said.items())
        message = await peer.call("publish", {"type": "post", "text": "back"}, timeout=60)
        assert message["value"]["sequence"] == max(there) + 1


async def follow(friend: Pub, seen: Any) -> None:
    async with connect(_address(friend), MASTER) as peer:
        await peer.call("publish", {"type": "contact", "contact": seen["ssbId"], "following": True})
        await peer.call("gossip.connect", seen["address"], timeout=60)


async def hears(friend: Pub, seen: Any, sequence: int) -> None:
    began = time.monotonic()
    async with connect(_address(friend), MASTER) as peer:
        latest = 0
        while latest < sequence:
            assert time.monotonic() < began + PATIENCE, "the friend does not hear it"
            with suppress(ScuttlebuttError, TypeError):
                latest = (await peer.call("getLatest", seen["ssbId"], timeout=60))["value"]["sequence"]
            await asyncio.sleep(0.1)


def _address(friend: Pub) -> Address:
    return Address("127.0.0.1", int(friend.config["port"]), friend.id)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
