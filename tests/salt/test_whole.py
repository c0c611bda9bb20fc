"""The whole way over a real master, two minions and their Docker Engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.salt.machine import Engine
from tests.salt.service import SaltService
from tests.service import wait_for

PATIENT = 240.0


@pytest.fixture(scope="module")
def site(
    engine: Engine, second_engine: Engine, built_pub: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SaltService]:
    with SaltService(tmp_path_factory.mktemp("home"), built_pub, keep_days=0) as site:
        site.machine(engine, "alices")
        site.machine(second_engine, "bobs")
        site.waits_for_machines()
        yield site
    for each in (engine, second_engine):
        each.clear()


def test_from_register_to_gone_on_machines_of_two(site: SaltService, engine: Engine, second_engine: Engine):
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

    before = engine.bots()[bot["id"]]
    alice.asks("restart", bot)
    wait_for(lambda: engine.bots().get(bot["id"], before) != before, PATIENT)
    again = alice.waits_for("alive", bot, PATIENT)
    assert (again["ssbId"], again["address"]) == (alive["ssbId"], alive["address"])

    alice.asks("stop", bot)
    alice.waits_for("stopped", bot, PATIENT)
    assert engine.bots() == {}
    alice.asks("start", bot)
    assert alice.waits_for("alive", bot, PATIENT)["ssbId"] == alive["ssbId"]

    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: site.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404, PATIENT)
    assert engine.bots(alive=False) == {}
    assert engine.volumes() == set()
    assert list(second_engine.bots()) == [bobs["id"]], "bob's was never touched"
    assert bob.sees(bobs)["state"] == "alive"
