"""The whole way over PostgreSQL, a real master, two minions and their Docker Engines."""

import asyncio
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import RemoteError
from tests.exports.living import add_blob, master_of, publish, save_export
from tests.imports.bringing import bring
from tests.postgres import cluster
from tests.salt.machine import Engine
from tests.salt.service import DOMAIN, SaltService
from tests.salt.workshop import SolidWorkshop
from tests.service import Person, wait_for
from tests.whole.guest import Guest

PATIENT = 240.0


@pytest.fixture(scope="module")
def workshop(built_pub: Path, tmp_path_factory: pytest.TempPathFactory) -> SolidWorkshop:
    return SolidWorkshop(tmp_path_factory.mktemp("workshop") / "source", built_pub)


@pytest.fixture(scope="module")
def site(
    engine: Engine,
    second_engine: Engine,
    built_pub: Path,
    workshop: SolidWorkshop,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SaltService]:
    with cluster() as url:
        home = workshop.home = tmp_path_factory.mktemp("home")
        settings = {"pub_source": workshop.folder, "trial_seconds": 2, "keep_days": 0, "import_gib": 1}
        site = SaltService(home, built_pub, database_url=url, **settings)
        workshop.improves("the first")
        with site:
            # A name that leads to two machines leads to the one that has the bot.
            site.machine(engine, "alices", "back", "bobs")
            site.machine(second_engine, "bobs")
            site.waits_for_machines()
            yield site
    for each in (engine, second_engine):
        each.clear()


@pytest.fixture
def guest(built_stock: Path, tmp_path: Path) -> Iterator[Guest]:
    guest = Guest(built_stock, tmp_path / "guest")
    yield guest
    guest.leave()


def accepts(guest: Guest, code: str, engine: Engine) -> None:
    """In place of a name server, the test says where the bot's name leads."""
    guest.accept(code.replace(f"alices.{DOMAIN}", engine.place.address))


def at(engine: Engine, seen: Any) -> Any:
    """The bot as it is reached from here, where its name leads nowhere."""
    return {**seen, "address": seen["address"].replace(f"alices.{DOMAIN}", engine.place.address)}


async def says(site: SaltService, seen: Any, count: int) -> None:
    async with master_of(site, seen) as peer:
        await publish(peer, count)
        await add_blob(peer, b"a picture" * 10_000)


def is_released(who: Person, bot: Any, release: str) -> Any:
    seen = who.sees(bot)
    return seen if seen["state"] == "alive" and seen["release"] == release else None


def exported(who: Person, bot: Any, part: str, place: Path) -> bytes:
    save_export(who, bot, part, place)
    return place.read_bytes()


def test_two_peoples_bots_live_move_and_come_back_on_machines(
    site: SaltService,
    engine: Engine,
    second_engine: Engine,
    workshop: SolidWorkshop,
    guest: Guest,
    tmp_path: Path,
):
    alice, bob = site.person("alice@example.org"), site.person("bob@example.org")
    bot = alice.names_a_bot("alices")
    wait_for(lambda: engine.bots() or second_engine.bots(), PATIENT)
    bobs = bob.names_a_bot("bobs")
    alive = alice.waits_for("alive", bot, PATIENT)
    bob.waits_for("alive", bobs, PATIENT)
    assert list(engine.bots()) == [bot["id"]], "each went to the emptiest machine"
    assert list(second_engine.bots()) == [bobs["id"]]
    assert alive["address"].startswith("net:alices.butt.test:")
    assert alive["status"]["memory"] > 10_000_000

    invite = alice.call("POST", f"/agents/{bot['id']}/invites", {"name": "Gwen"}, expect=201)
    accepts(guest, invite["code"], engine)
    path = f"/agents/{bot['id']}/invites"
    used = wait_for(lambda: alice.call("GET", path)["invites"][0]["used"], PATIENT)
    assert [use["ssbId"] for use in used] == [guest.id]
    withdrawn = alice.call("POST", path, {"name": "Dan"}, expect=201)
    alice.call("DELETE", f"{path}/{withdrawn['id']}", expect=204)
    with pytest.raises(RemoteError):
        accepts(guest, withdrawn["code"], engine)

    before = engine.bots()[bot["id"]]
    alice.asks("restart", bot)
    wait_for(lambda: engine.bots().get(bot["id"], before) != before, PATIENT)
    again = alice.waits_for("alive", bot, PATIENT)
    assert (again["ssbId"], again["address"]) == (alive["ssbId"], alive["address"])
    asyncio.run(says(site, at(engine, again), 20))

    better = workshop.improves("better")
    site.waits_for_release(better)
    alice.asks("upgrade", bot)
    wait_for(lambda: is_released(alice, bot, better), PATIENT)
    worse = workshop.writes(workshop.programs.crashes)
    site.waits_for_release(worse)
    wait_for(lambda: engine.beside(bot["id"]) == {"_data"}, PATIENT)
    alice.asks("upgrade", bot)
    refused = wait_for(lambda: "back to its earlier code" in (alice.sees(bot)["reason"] or ""), PATIENT)
    assert refused
    wait_for(lambda: is_released(alice, bot, better), PATIENT)
    mended = workshop.improves("mended")

    asyncio.run(says(site, at(engine, alice.sees(bot)), 5))
    lines = site.reads(f"log(UUID('{bot['id']}'), 100000)")
    assert lines.count('"listening"') >= 3, "over all its containers"
    assert '"uncaught"' in lines or "this code is wrong" in lines
    sizes = site.reads(f"sizes(UUID('{bot['id']}'))")
    assert "blobs=1" in sizes
    assert alive["ssbId"].encode() in exported(alice, bot, "secret", tmp_path / "secret")
    assert exported(alice, bot, "log", tmp_path / "log").count(b'"type":"post"') == 25
    site.waits_for_release(mended)
    before = bob.sees(bobs)
    bob.asks("rebuild", bobs)
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot, PATIENT)
    assert engine.bots() == {}
    everything = exported(alice, bot, "all", tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        names = tar.getnames()
    assert {"secret", "gossip.json", "flume/log.offset", "export.json"} <= set(names)
    assert sum(name.startswith("blobs/sha256/") for name in names) == 1
    wait_for(lambda: not any((site.home / "uploads").iterdir()), 30)
    alice.asks("start", bot)
    assert alice.waits_for("alive", bot, PATIENT)["ssbId"] == alive["ssbId"]

    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: site.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404, PATIENT)
    assert engine.bots(alive=False) == {}
    assert engine.volumes() == set()

    status, brought = bring(alice, "back", everything)
    assert status == 201, brought
    back = alice.waits_for("alive", brought, PATIENT)
    assert back["ssbId"] == alive["ssbId"]
    assert "publishes nothing" in back["reason"], "its own messages come first"
    wait_for(lambda: not any((site.home / "cargo").iterdir()), 60)
    assert list(engine.volumes()) == [brought["id"]]
    assert list(second_engine.bots()) == [bobs["id"]], "bob's stayed where it is"
    wait_for(lambda: is_released(bob, bobs, f"{before['release']}-2"), PATIENT)
    assert bob.sees(bobs)["ssbId"] == before["ssbId"]

    _, second = [line.split()[0] for line in site.butt("machine", "list").splitlines()]
    told = site.butt("machine", "empty", second, "--reason", "Its disk is old.")
    assert "It is being moved to m" in told
    assert f"{second} is empty" in told
    assert bobs["id"] in engine.bots(), "it runs there"
    moved = bob.waits_for("alive", bobs, PATIENT)
    assert (moved["ssbId"], moved["address"]) == (before["ssbId"], before["address"])
    wait_for(lambda: second_engine.volumes() == set() and second_engine.bots(alive=False) == {}, PATIENT)
    assert "cannot join" in site.butt("machine", "remove", second)
