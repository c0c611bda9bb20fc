"""A bot whose disk is lost comes back from a bucket: the same identity, every message, and no sequence used
twice.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pyrage
import pytest

from butt.storage import store_at
from butt.vault.names import chain, pieces_in
from butt.vault.writing import things_of
from scuttlekit import RemoteError
from tests import stock
from tests.exports.living import master_of, publish, waits_for_its_profile
from tests.s3 import s3_server
from tests.service import Service, wait_for

PLACE = "s3://copies/vault"


@pytest.fixture
def key(tmp_path: Path) -> "pyrage.x25519.Identity":
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{key}\n")
    return key


@pytest.fixture
def site(
    tmp_path: Path, built_pub: Path, key: "pyrage.x25519.Identity", monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    with s3_server() as bucket:
        opens = tmp_path / "key.txt"
        for name, value in bucket.items():
            monkeypatch.setenv(name, value)
        with Service(
            tmp_path / "home", built_pub, vault=PLACE, vault_key=key.to_public(), vault_opens=opens
        ) as site:
            yield site


def vault(site: Service, *command: object) -> "subprocess.CompletedProcess[str]":
    name, *rest = map(str, command)
    return subprocess.run(
        [sys.executable, "-m", "butt", "vault", name, "--home", str(site.home), *rest],
        env={
            **site.environment,
            **{name: os.environ[name] for name in os.environ if name.startswith("AWS_")},
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def spoken(site: Service, seen: Any) -> dict[int, object]:
    async with master_of(site, seen) as peer:
        return await stock.feed_of(peer, most=10_000)


async def speak(site: Service, seen: Any) -> None:
    async with master_of(site, seen) as peer:
        await publish(peer, 5)


async def nobody_calls_it_the_newest(site: Service, seen: Any) -> None:
    async with master_of(site, seen) as peer:
        with pytest.raises(RemoteError, match="is known to have reached message"):
            await peer.call("butt.caughtUp")
        with pytest.raises(RemoteError, match="catching up with its own messages"):
            await publish(peer, 1)


def test_a_bot_whose_disk_is_lost_comes_back(site: Service, tmp_path: Path):
    alice, key = site.person("alice@example.org"), tmp_path / "key.txt"
    bot = alice.names_a_bot("my")
    alive = alice.waits_for("alive", bot)
    waits_for_its_profile(site, alive)
    asyncio.run(speak(site, alive))
    before = asyncio.run(spoken(site, alive))
    data = site.home / "bots" / bot["id"] / "data"
    store = store_at(PLACE)

    def names() -> list[str]:
        return [name for name, _ in things_of(store, uuid.UUID(bot["id"]))]

    def all_is_there() -> bool:
        there = pieces_in(names())
        size = (data / "flume" / "log.offset").stat().st_size
        return any(chain(pieces)[-1].end == size for pieces in there.values())

    wait_for(all_is_there)
    said = vault(site, "verify", "--key", key)
    assert (said.returncode, f"{len(before)} of its own, 0 blobs" in said.stdout) == (0, True), said.stderr
    refused = vault(site, "restore", "my", "--key", key)
    assert "stop it first" in refused.stderr
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    refused = vault(site, "restore", "my", "--key", key)
    assert "is still there" in refused.stderr

    shutil.rmtree(data)
    done = vault(site, "restore", "my", "--key", key)
    assert done.returncode == 0, done.stderr

    alice.asks("start", bot)
    back = alice.waits_for("alive", bot)
    assert back["ssbId"] == alive["ssbId"]
    assert "publishes nothing" in wait_for(lambda: alice.sees(bot)["reason"])
    assert asyncio.run(spoken(site, back)) == before
    with pytest.raises(RemoteError, match="catching up with its own messages"):
        asyncio.run(speak(site, back))
    alice.call("POST", f"/agents/{bot['id']}/caught-up", expect=202)
    wait_for(lambda: alice.sees(bot)["reason"] is None)
    asyncio.run(speak(site, back))
    after = asyncio.run(spoken(site, back))
    assert before.items() <= after.items()
    assert list(after) == list(range(1, len(after) + 1))
    assert len(after) >= len(before) + 5
    wait_for(all_is_there)

    # Lost again, and the vault is behind: nobody may call that the newest.
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    newest = max(name for name in names() if name.startswith("log/"))
    obstore.delete(store, f"bots/{bot['id']}/{newest}")
    shutil.rmtree(data)
    alice.asks("start", bot)
    assert "secret is missing" in alice.waits_for("broken", bot)["reason"]
    wait_for(lambda: alice.call("GET", f"/agents/{bot['id']}/vault")["lostAt"])
    alice.call("POST", f"/agents/{bot['id']}/come-back", expect=202)
    back = alice.waits_for("alive", bot)
    assert back["ssbId"] == alive["ssbId"]
    asyncio.run(nobody_calls_it_the_newest(site, back))
