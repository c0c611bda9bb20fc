"""By the composition to a bot that is alive on a machine."""

from collections.abc import Iterator

import pytest

from tests.salt.base import PYTHON_BASE
from tests.salt.composed import PATIENT, Composition
from tests.salt.land import Land
from tests.salt.machine import Engine
from tests.service import wait_for
from tests.stopwatch import Stopwatch


@pytest.fixture
def clock(engine: Engine, capsys: pytest.CaptureFixture[str]) -> Stopwatch:
    """It runs from when the machine for bots is there."""
    return Stopwatch(capsys)


@pytest.fixture
def composition(
    land: Land, engine: Engine, clock: Stopwatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composition]:
    """Its machine is `engine`. Names of bots lead nowhere, so they are told to be at its address."""
    settings = {"BUTT_PUB_ADDRESS": engine.place.address, "BUTT_PYTHON_IMAGE": PYTHON_BASE}
    with (
        Engine(tmp_path_factory.mktemp("engine"), land.settle(), dict) as control,
        Composition(tmp_path_factory.mktemp("composed"), control, settings, clock) as composition,
    ):
        yield composition
    engine.clear()


# Its images are made of packages that are fetched the first time.
@pytest.mark.timeout(1800)
def test_the_composition_brings_a_person_to_a_bot_that_is_alive_on_a_machine(
    composition: Composition, engine: Engine, clock: Stopwatch
):
    site = composition.site()
    alice = site.person("alice@example.org")
    clock.tell("somebody has registered")
    composition.machine(engine, site)
    bot = alice.waits_for("alive", alice.names_a_bot("alices"), PATIENT)
    assert list(engine.bots()) == [bot["id"]]
    clock.tell("a bot is alive on a machine")
    wait_for(composition.is_healthy, PATIENT)
    clock.tell("all parts say that they are well")
