"""The whole way: a person, the real SDK, a machine that boots and joins, and a container; and the machine is
lost.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import Address, KeyPair, connect
from tests.clouds.service import CloudService, boot_command
from tests.salt.land import Land
from tests.service import wait_for

PATIENT = 300.0


@pytest.fixture
def site(land: Land, built_pub: Path, tmp_path: Path) -> Iterator[CloudService]:
    with CloudService(tmp_path / "home", built_pub, boot_command(land), keep_days=0) as site:
        yield site


def one_of_each(site: CloudService) -> tuple[str, str]:
    """The ids of the only server and the only data volume; there is one of everything."""
    has = site.account()
    (server,) = has["server"]
    (data,) = [volume for volume in has["volume"] if not volume["name"].startswith("butt-root-")]
    assert len(has["volume"]) == 2
    assert len(has["group"]) == 1
    assert sorted(ip["type"] for ip in has["ip"]) == ["routed_ipv4", "routed_ipv6"]
    assert sorted(row["type"] for row in has["record"]) == ["A", "AAAA"]
    return server["id"], data["id"]


def log_of(site: CloudService, volume: str, bot: Any) -> bytes:
    """The bot's own log on the volume."""
    folder = site.standin.world.folder / "volumes" / volume / "docker" / "volumes" / f"butt-{bot['id']}"
    return (folder / "_data" / "flume" / "log.offset").read_bytes()


def test_a_whole_life_with_lost_machines_and_an_old_snapshot(site: CloudService):
    alice = site.person("alice@example.org")
    site.waits_for_stock()
    bot = alice.names_a_bot("alices")
    wait_for(lambda: "machine" in (alice.sees(bot)["reason"] or ""))
    alive = alice.waits_for("alive", bot, PATIENT)
    server, volume = one_of_each(site)
    assert alive["address"].startswith("net:alices.butt.test:")
    before = wait_for(lambda: log_of(site, volume, bot))

    site.steer("destroy", server=server)
    told: list[dict[str, Any]] = []

    def is_back() -> bool:
        told.append(alice.sees(bot))
        return told[-1]["state"] == "alive" and [s["id"] for s in site.account()["server"]] != [server]

    wait_for(lambda: alice.sees(bot)["state"] != "alive")
    wait_for(is_back, PATIENT)
    assert any("gone" in (seen["reason"] or "") for seen in told)
    assert {seen["state"] for seen in told} <= {"starting", "alive"}
    other, same = one_of_each(site)
    assert other != server
    assert same == volume
    assert (told[-1]["ssbId"], told[-1]["address"]) == (alive["ssbId"], alive["address"])
    assert log_of(site, volume, bot).startswith(before), "it goes on with the same log"

    speak(site, alive)
    snapshot = site.takes_snapshot(volume)
    latest = speak(site, alive)
    site.waits_for_sequence(bot, latest)
    site.steer("destroy", server=other, volume=volume)
    wait_for(lambda: "An operator has to decide" in (alice.sees(bot)["reason"] or ""), PATIENT)
    assert site.account()["server"] == []
    minion_id = site.butt("machine", "list").split()[0]
    assert snapshot in site.butt("machine", "restore", minion_id)
    site.butt("machine", "restore", minion_id, snapshot)
    broken = alice.waits_for("broken", bot, PATIENT)
    assert f"known to have reached {latest}" in broken["reason"], "an old log never speaks"
    assert broken["ssbId"] == alive["ssbId"]
    assert one_of_each(site)[1] != volume

    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: not any(site.account().values()), PATIENT)
    wait_for(lambda: site.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404, PATIENT)
    assert list((site.master.keys / "minions").iterdir()) == [], "its key joins nobody any more"


def speak(site: CloudService, bot: Any) -> int:
    """Have the bot publish a message; returns its sequence."""
    (record,) = [row for row in site.account()["record"] if row["type"] == "A"]
    port = int(bot["address"].partition("~")[0].rpartition(":")[2])

    async def call() -> int:
        keys = KeyPair.load(site.home / "identity")
        async with connect(Address(record["data"], port, bot["ssbId"]), keys) as peer:
            said = await peer.call("publish", {"type": "post", "text": "hello"}, timeout=60)
            return int(said["value"]["sequence"])

    return asyncio.run(call())
