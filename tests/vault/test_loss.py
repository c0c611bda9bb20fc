"""Several bots that are written to lose their disk in one moment, and come back by themselves."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pyrage

from butt.storage import store_at
from butt.vault.names import chain, pieces_in
from butt.vault.writing import things_of
from tests.service import Person, Service, wait_for
from tests.vault.losses import Said, destroy, ended, lost_of, wait_until_back, write

BOTS = 3


def test_bots_that_are_written_to_come_back_with_all_that_the_vault_had(tmp_path: Path, built_pub: Path):
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{key}\n")
    vault = f"file://{tmp_path}/vault"
    with Service(
        tmp_path / "home",
        built_pub,
        vault=vault,
        vault_key=key.to_public(),
        vault_opens=tmp_path / "key.txt",
        vault_return="itself",
    ) as site:
        alice = site.person("alice@example.org")
        bots = [alice.names_a_bot(f"bot{number}") for number in range(BOTS)]
        alive = [alice.waits_for("alive", bot) for bot in bots]
        asyncio.run(loses(site, alice, alive, vault))


async def loses(site: Service, alice: Person, alive: list[Any], vault: str) -> None:
    said: list[Said] = [{} for _ in alive]
    writing = [asyncio.create_task(write(site, bot, log)) for bot, log in zip(alive, said, strict=True)]
    while not all(len(log) > 50 for log in said):
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in writing)
    before = [dict(log) for log in said]
    logs = [site.home / "bots" / bot["id"] / "data" / "flume" / "log.offset" for bot in alive]
    sizes = [log.stat().st_size for log in logs]

    def is_there() -> bool:
        return all(reach(vault, bot) >= size for bot, size in zip(alive, sizes, strict=True))

    await asyncio.to_thread(wait_for, is_there)
    await ended(writing)
    await asyncio.to_thread(destroy, site)
    await asyncio.to_thread(site.up)
    await asyncio.to_thread(wait_until_back, alice, alive)
    for bot, log, known in zip(alive, said, before, strict=True):
        seen = alice.sees(bot)
        assert seen["ssbId"] == bot["ssbId"]
        lost = await lost_of(site, seen, log)
        assert not lost.keys() & known.keys(), "that was in the vault"


def reach(vault: str, bot: Any) -> int:
    names = (name for name, _ in things_of(store_at(vault), uuid.UUID(bot["id"])))
    return max((found[-1].end for pieces in pieces_in(names).values() if (found := chain(pieces))), default=0)
