"""By the composition to a bot that is alive on a machine."""

from collections.abc import Iterator

import pytest

from tests.salt.base import PYTHON_BASE
from tests.salt.composed import Composition, archives
from tests.salt.land import Land
from tests.salt.machine import Engine
from tests.service import wait_for
from tests.stopwatch import Stopwatch

PATIENT = 300.0


@pytest.fixture
def composition(
    land: Land, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composition]:
    """Its machine is `engine`, and names of bots are not resolved: they are told to be at its address."""
    settings = {"BUTT_PUB_ADDRESS": engine.place.address, "BUTT_PYTHON_IMAGE": PYTHON_BASE}
    with (
        Engine(tmp_path_factory.mktemp("engine"), land.settle(), archives()) as control,
        Composition(tmp_path_factory.mktemp("composed"), control, settings) as composition,
    ):
        yield composition
    engine.clear()


# Its images are made of packages that are fetched the first time.
@pytest.mark.timeout(1200)
def test_the_composition_brings_a_person_to_a_bot_that_is_alive_on_a_machine(
    composition: Composition, engine: Engine, capsys: pytest.CaptureFixture[str]
):
    clock = Stopwatch(capsys)
    site = composition.site()
    wait_for(lambda: site.status("/up") == "200", PATIENT)
    alice = site.person("alice@example.org")
    clock.tell("somebody has registered")
    composition.machine(engine)
    bot = alice.waits_for("alive", alice.names_a_bot("alices"), PATIENT)
    assert list(engine.bots()) == [bot["id"]]
    clock.tell("a bot is alive on a machine")
    wait_for(lambda: not [each for each in composition.states().values() if "starting" in each], PATIENT)
    states = composition.states()
    assert states.pop("butt_migrate_1").startswith("Exited (0)")
    assert {name for name, how in states.items() if "(healthy)" not in how} == set(), states
