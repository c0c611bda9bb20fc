"""Each part dies in the middle of every action: in the end all is as wanted, with one container for each
identity and all its data.
"""

import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.exports.living import save_export
from tests.salt.land import PORT, PRIVATE
from tests.salt.machine import Engine
from tests.salt.service import SaltService
from tests.salt.test_container import reaches
from tests.salt.workshop import SolidWorkshop
from tests.service import Person, wait_for

PATIENT = 240.0


BUSY = {"starting", "stopping", "upgrading", "leaving"}


class Farm:
    """One machine with four bots of Alice's on it, one of them stopped."""

    def __init__(self, site: SaltService, engine: Engine, workshop: SolidWorkshop) -> None:
        self.site, self.engine, self.workshop = site, engine, workshop
        names = [f"bot{number}" for number in range(4)]
        self.minion = site.machine(engine, *names, *(f"gone{number}" for number in range(len(FAULTS))))
        site.waits_for_machines()
        self.alice: Person = site.person("alice@example.org")
        self.bots = [self.alice.names_a_bot(name) for name in names]
        self.ssb_ids = [self.alice.waits_for("alive", bot, PATIENT)["ssbId"] for bot in self.bots]
        self.alice.asks("stop", self.bots[1])
        self.alice.waits_for("stopped", self.bots[1], PATIENT)

    def newcomer(self, number: int) -> Any:
        """A bot that did not exist before."""
        return self.alice.names_a_bot(f"gone{number}")

    def other_code(self, number: int) -> str:
        """A release that no machine has yet."""
        release = self.workshop.improves(f"of fault {number}")
        self.site.waits_for_release(release)
        return release

    def launch(self, bot: Any) -> int:
        """The one that its container was made for; 0 while it has none, as between two of them."""
        label = '{{index .Config.Labels "butt.launch"}}'
        said = self.engine.docker("inspect", "--format", label, f"butt-{bot['id']}", check=False)
        return int(said.strip() or 0)


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
    # As docs/operate/machines.md describes it, before Docker starts.
    farm.engine.place.run("iptables-restore", "--noflush", str(rules))
    farm.engine.start()
    if running := wait_a_while_for_bots(farm.engine):
        assert not reaches(farm.engine, running, PRIVATE, PORT), (
            "Docker started it, and the fence stood already"
        )
    farm.minion.start()


def wait_a_while_for_bots(engine: Engine) -> str:
    """A bot that Docker started by itself, if there was one to start."""
    for _ in range(20):
        if running := list(engine.bots()):
            return running[0]
        time.sleep(0.1)
    return ""


FAULTS = [the_master_dies, the_minion_dies, docker_dies, the_machine_loses_power]


@pytest.fixture(scope="module")
def farm(engine: Engine, built_pub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    workshop = SolidWorkshop(tmp_path_factory.mktemp("workshop") / "source", built_pub)
    home = workshop.home = tmp_path_factory.mktemp("home")
    settings = {"pub_source": workshop.folder, "trial_seconds": 1, "keep_days": 0}
    workshop.improves("the first")
    with SaltService(home, built_pub, **settings) as site:
        yield Farm(site, engine, workshop)
    engine.clear()


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.__name__ for fault in FAULTS])
def test_every_action_ends_as_wanted(number: int, farm: Farm, tmp_path: Path):
    """A start, a stop, a restart, an upgrade, a deletion and an export are all in progress when it
    happens.
    """
    alice, engine = farm.alice, farm.engine
    ups, downs = (0, 1) if number % 2 else (1, 0)
    starts, stops, restarts, upgrades = farm.bots[ups], farm.bots[downs], farm.bots[2], farm.bots[3]
    goes = farm.newcomer(number)
    wait_for(lambda: alice.sees(goes)["release"], PATIENT)
    release = farm.other_code(number)
    alice.waits_for("alive", goes, PATIENT)
    launched = farm.launch(restarts)
    for action, bot in (("start", starts), ("stop", stops), ("restart", restarts), ("upgrade", upgrades)):
        assert alice.asks(action, bot)["state"] in BUSY
    alice.call("DELETE", f"/agents/{goes['id']}", expect=202)
    with ThreadPoolExecutor(1) as beside:
        exporting = beside.submit(exported, alice, restarts, tmp_path / "log")
        FAULTS[number](farm)
        comes = exporting.result()

    wait_for(lambda: farm.site.ask("GET", f"/agents/{goes['id']}", token=alice.token)[0] == 404, PATIENT)
    alice.waits_for("stopped", stops, PATIENT)
    alice.waits_for("alive", starts, PATIENT)
    wait_for(lambda: alice.sees(upgrades)["release"] == release, PATIENT)
    alice.waits_for("alive", upgrades, PATIENT)
    wait_for(lambda: farm.launch(restarts) > launched, PATIENT)
    alice.waits_for("alive", restarts, PATIENT)
    everyone = {bot["id"] for bot in farm.bots}
    assert set(engine.bots()) == everyone - {stops["id"]}
    assert set(engine.bots(alive=False)) == everyone, "one container of each"
    assert engine.volumes() == everyone, "and its data"
    assert [alice.sees(bot)["ssbId"] for bot in farm.bots] == farm.ssb_ids
    log = comes or wait_for(lambda: exported(alice, restarts, tmp_path / "log"), PATIENT)
    assert farm.ssb_ids[2].encode() in log


def exported(alice: Person, bot: Any, place: Path) -> bytes:
    """The whole log; empty if its machine cannot send it now."""
    try:
        save_export(alice, bot, "log", place)
    except urllib.error.HTTPError as refused:
        assert refused.code == 503
        return b""
    return place.read_bytes()


def test_without_a_private_server_the_bot_is_left_alone_and_the_page_waits(farm: Farm):
    before, volumes, bot = farm.engine.bots(), farm.engine.volumes(), farm.bots[2]
    with farm.site.without_private_server():
        farm.alice.asks("stop", bot)
        wait_for(lambda: "Waiting for its machine" in (farm.alice.sees(bot)["reason"] or ""), PATIENT)
        assert farm.engine.bots() == before
    farm.alice.waits_for("stopped", bot, PATIENT)
    assert farm.engine.bots() == {name: before[name] for name in before if name != bot["id"]}
    assert farm.engine.volumes() == volumes
