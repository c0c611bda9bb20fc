"""Two machines with a Docker Engine each, made once for all tests here."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.sources.releases import build
from tests.salt.bots import Bots
from tests.salt.land import HERE, Land
from tests.salt.machine import ROOT, Engine, Minion
from tests.salt.teller import Teller, well


@pytest.fixture(scope="session")
def land() -> Iterator[Land]:
    with Land() as land:
        yield land


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
    files, release = tmp_path_factory.mktemp("files"), build()
    (files / "releases").mkdir()
    archive = files / "releases" / f"{release.digest}.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", release.path, "."], check=True)
    return files


@pytest.fixture(scope="session")
def teller(land: Land) -> Iterator[Teller]:
    with Teller(HERE) as teller:
        yield teller


@pytest.fixture(scope="session")
def minion(engine: Engine, teller: Teller, offered: Path, tmp_path_factory: pytest.TempPathFactory) -> Minion:
    """One without a master, that does as `teller` tells."""
    folder = tmp_path_factory.mktemp("minion")
    token = folder / "token"
    token.write_text("token")
    return Minion(
        folder,
        engine.place,
        engine,
        id="alone",
        file_client="local",
        schedule={},
        file_roots={"base": [str(ROOT / "salt" / "files"), str(offered)]},
        module_dirs=[str(ROOT / "salt"), str(ROOT / "salt" / "files")],
        ext_pillar=[
            {"http_json": {"url": f"{teller.url}/agents/%s", "token_file": str(token), "timeout": 3}}
        ],
        butt={"report": {"url": teller.url, "token_file": str(token)}},
    )


@pytest.fixture
def bots(minion: Minion, teller: Teller, engine: Engine) -> Iterator[Bots]:
    """Bots on the machine of `minion`; those that are left in the end are removed."""
    bots = Bots(minion, teller, engine)
    yield bots
    teller.answer = well
    bots.clear()
