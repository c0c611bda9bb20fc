"""Each part dies in the middle of an action: it ends as wanted, with one container of each identity and all its data."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.salt.land import PORT, PRIVATE
from tests.salt.machine import Engine
from tests.salt.service import SaltService
from tests.salt.test_container import reaches
from tests.service import Person, wait_for

PATIENT = 240.0


class Farm:
    """One machine with one bot of Alice's on it."""

    def __init__(self, site: SaltService, engine: Engine) -> None:
        self.site, self.engine = site, engine
        self.minion = site.machine(engine, "my")
        site.waits_for_machines()
        self.alice: Person = site.person("alice@example.org")
        self.bot: Any = self.alice.names_a_bot("my")
        self.ssb_id = self.alice.waits_for("alive", self.bot, PATIENT)["ssbId"]


def the_master_dies(farm: Farm) -> None:
    farm.site.master.daemon.kill()
    time.sleep(4)
    farm.site.master.start()


def the_minion_dies(farm: Farm) -> None:
    farm.minion.daemon.kill()
    time.sleep(4)
    farm.minion.start()


def docker_dies(farm: Farm) -> None:
    farm.engine.daemon.kill()
    time.sleep(2)
    farm.engine.start()


def the_machine_loses_power(farm: Farm) -> None:
    farm.minion.daemon.kill()
    farm.engine.crash()
    rules = farm.minion.folder / "butt" / "fence.rules"
    # As docs/operate.md has it done before Docker starts.
    farm.engine.place.run("iptables-restore", "--noflush", str(rules))
    farm.engine.start()
    if running := wait_a_while_for_bots(farm.engine):
        assert not reaches(farm.engine, running, PRIVATE, PORT), (
            "Docker started it, and the fence stood already"
        )
    farm.minion.start()


def wait_a_while_for_bots(engine: Engine) -> str:
    """A bot that Docker started by itself, if it had one to start."""
    for _ in range(20):
        if running := list(engine.bots()):
            return running[0]
        time.sleep(0.1)
    return ""


@pytest.fixture(scope="module")
def farm(engine: Engine, built_pub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with SaltService(tmp_path_factory.mktemp("home"), built_pub) as site:
        yield Farm(site, engine)
    engine.clear()


@pytest.mark.parametrize("fault", [the_master_dies, the_minion_dies, docker_dies, the_machine_loses_power])
def test_a_restart_ends_as_wanted(fault: Callable[[Farm], None], farm: Farm):
    launched = farm.engine.inspect(farm.bot["id"])["Config"]["Labels"]["butt.launch"]
    farm.alice.asks("restart", farm.bot)
    wait_for(lambda: farm.alice.sees(farm.bot)["state"] in {"stopping", "starting"})
    fault(farm)

    def relaunched() -> bool:
        if farm.bot["id"] not in farm.engine.bots():
            return False
        return bool(farm.engine.inspect(farm.bot["id"])["Config"]["Labels"]["butt.launch"] > launched)

    wait_for(relaunched, PATIENT)
    assert farm.alice.waits_for("alive", farm.bot, PATIENT)["ssbId"] == farm.ssb_id
    assert list(farm.engine.bots(alive=False)) == [farm.bot["id"]]
    assert farm.engine.volumes() == {farm.bot["id"]}


def test_a_private_server_that_is_gone_leaves_the_bot_alone_and_the_page_waits(farm: Farm):
    before = farm.engine.bots()
    farm.site.part("private").suspend()
    farm.alice.asks("stop", farm.bot)
    wait_for(lambda: "Waiting for its machine" in (farm.alice.sees(farm.bot)["reason"] or ""), PATIENT)
    assert farm.engine.bots() == before
    farm.site.part("private").resume()
    farm.alice.waits_for("stopped", farm.bot, PATIENT)
    assert farm.engine.bots() == {}
    assert farm.engine.volumes() == {farm.bot["id"]}
