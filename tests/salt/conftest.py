"""Two machines with a Docker Engine each, made once for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.salt.bots import Bots, offer_pub
from tests.salt.land import HERE, Land
from tests.salt.machine import Engine, Minion
from tests.salt.master import Master
from tests.salt.teller import Teller, well


@pytest.fixture(scope="session")
def engine(land: Land, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine"), land.settle()) as engine:
        yield engine


@pytest.fixture(scope="session")
def second_engine(land: Land, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine"), land.settle()) as engine:
        yield engine


@pytest.fixture(scope="session")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of files that machines may read, with the pub's release in it."""
    return offer_pub(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def teller(land: Land) -> Iterator[Teller]:
    with Teller(HERE) as teller:
        yield teller


@pytest.fixture(scope="session")
def minion(engine: Engine, teller: Teller, offered: Path, tmp_path_factory: pytest.TempPathFactory) -> Minion:
    """One without a master, that does as `teller` tells."""
    return Minion.alone(tmp_path_factory.mktemp("minion"), engine, teller.url, offered)


@pytest.fixture(scope="session")
def master(teller: Teller, offered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    token = tmp_path_factory.mktemp("master") / "token"
    token.write_text("token")
    with Master(teller.url, token, offered) as master:
        yield master


@pytest.fixture(scope="session")
def joined(master: Master, engine: Engine, teller: Teller) -> Iterator[Minion]:
    """One that has joined `master`."""
    teller.tells("joined", {})
    minion = master.knows("joined", engine, teller.url, schedule={})
    minion.start()
    master.waits_for(minion)
    yield minion
    minion.end()


@pytest.fixture
def bots(minion: Minion, teller: Teller, engine: Engine) -> Iterator[Bots]:
    """Bots on the machine of `minion`; those that are left in the end are removed."""
    bots = Bots(minion, teller, engine)
    yield bots
    teller.answer = well
    engine.clear()
