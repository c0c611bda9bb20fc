"""The real parts that tests share: a built pub, and a whole running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from butt.sources.releases import build
from tests.salt.land import Land
from tests.service import Service


class ByFile(LoadScopeScheduling):
    """Where tests run side by side, a file stays with one worker, and so do all that need the land, which is there once."""

    def _split_scope(self, nodeid: str) -> str:
        return "land" if _needs_land(nodeid) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The land first: its tests take the longest."""
    items.sort(key=lambda item: _needs_land(item.nodeid), reverse=True)


def _needs_land(nodeid: str) -> bool:
    return nodeid.startswith(("tests/salt/", "tests/clouds/test_whole.py"))


@pytest.fixture(scope="session")
def built_pub() -> Path:
    """A release of the pub, built once for all tests."""
    return build().path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Service]:
    """`butt up` as a person starts it, with a home folder of its own."""
    with Service(tmp_path_factory.mktemp("home"), built_pub) as service:
        yield service


@pytest.fixture(scope="session")
def land() -> Iterator[Land]:
    """One for all tests here that need it: its addresses are there once."""
    with Land() as land:
        yield land
