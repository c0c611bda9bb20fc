"""A bot's log is cut, deleted or replaced by an older one behind its back: it does not start, and says
why.
"""

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.exports.living import master_of, publish
from tests.service import Person, Service, wait_for


def cut_in_a_record(data: Path, _: Path) -> None:
    log = data / "flume" / "log.offset"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 20)


def delete_the_log(data: Path, _: Path) -> None:
    shutil.rmtree(data / "flume")


def delete_the_log_and_what_the_pub_remembers(data: Path, _: Path) -> None:
    shutil.rmtree(data / "flume")
    (data / "sequence").unlink()


def bring_back_an_older_log(data: Path, old: Path) -> None:
    shutil.rmtree(data / "flume")
    shutil.copytree(old / "flume", data / "flume")


def bring_back_an_older_copy_of_everything(data: Path, old: Path) -> None:
    shutil.rmtree(data)
    shutil.copytree(old, data)


SAID = 4
"""How many messages: what it is called, and three more."""

TAMPERINGS = [
    cut_in_a_record,
    delete_the_log,
    delete_the_log_and_what_the_pub_remembers,
    bring_back_an_older_log,
    bring_back_an_older_copy_of_everything,
]


@pytest.mark.parametrize("number", range(len(TAMPERINGS)))
def test_it_refuses_a_wrong_log_and_starts_again_with_its_own(site: Service, number: int, tmp_path: Path):
    tamper = TAMPERINGS[number]
    alice = site.person(f"alice{number}@example.org")
    bot = alice.names_a_bot(f"my{number}")
    data = site.home / "bots" / bot["id"] / "data"
    seen = alice.waits_for("alive", bot)
    wait_for(lambda: _known(site, bot) >= 1)  # it has introduced itself
    speak(site, seen, 2)
    stops(alice, bot)
    shutil.copytree(data, tmp_path / "old")
    alice.asks("start", bot)
    alice.waits_for("alive", bot)
    speak(site, seen, 1)
    stops(alice, bot)  # Right away: its last message is remembered all the same.
    shutil.copytree(data, tmp_path / "whole")

    tamper(data, tmp_path / "old")
    alice.asks("start", bot)
    broken = alice.waits_for("broken", bot)
    assert f"reached {SAID}" in broken["reason"]
    assert "fork" in broken["reason"]
    assert "not older" in broken["reason"]
    assert broken["status"]["alive"] is False
    status, answer = site.ask("GET", f"/agents/{bot['id']}/export/all", token=alice.token)
    assert (status, answer["error"]["code"]) == (409, "log_behind")

    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "whole", data)
    alice.asks("start", bot)
    alice.waits_for("alive", bot)
    assert _last(site, seen) == SAID


def test_the_last_message_of_a_killed_bot_is_remembered(site: Service, tmp_path: Path):
    """Its folder is then replaced by an older copy of everything."""
    bob = site.person("bob@example.org")
    bot = bob.names_a_bot("bobs")
    data = site.home / "bots" / bot["id"] / "data"
    seen = bob.waits_for("alive", bot)
    wait_for(lambda: _known(site, bot) >= 1)
    stops(bob, bot)
    shutil.copytree(data, tmp_path / "old")
    bob.asks("start", bot)
    bob.waits_for("alive", bot)
    speak(site, seen, 3)
    (pub,) = site.pubs(bot)
    pub.suspend()
    bob.asks("stop", bot)
    pub.kill()
    bob.waits_for("stopped", bot)
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "old", data)
    bob.asks("start", bot)
    assert f"reached {SAID}" in bob.waits_for("broken", bot)["reason"]


def stops(alice: Person, bot: Any) -> None:
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)


def speak(site: Service, seen: Any, count: int) -> None:
    async def call() -> None:
        async with master_of(site, seen) as peer:
            await publish(peer, count, at_once=1)

    asyncio.run(call())


def _last(site: Service, seen: Any) -> int:
    async def call() -> int:
        async with master_of(site, seen) as peer:
            latest = await peer.call("getLatest", peer.id)
            return int(latest["value"]["sequence"])

    return asyncio.run(call())


def _known(site: Service, bot: Any) -> int:
    """The highest sequence that the monitor has seen."""

    with sqlite3.connect(site.home / "butt.sqlite3") as database:
        (sequence,) = database.execute(
            "SELECT sequence FROM agents_observed WHERE bot_id = ?", (bot["id"].replace("-", ""),)
        ).fetchone()
    return int(sequence)
