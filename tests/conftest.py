"""The real parts that tests share: a built pub, and a whole running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from butt.sources.releases import PUB_SOURCE, build
from tests.node_pub import NODE_PUB
from tests.salt.land import Land
from tests.service import Service
from tests.stock import STOCK

# The machine may be busy: a slow moment is no failure.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

LAND = ("tests/clouds/test_first_boot.py", "tests/clouds/test_whole.py", "tests/salt/")
LONGEST = (
    *("tests/salt/test_faults.py", "tests/salt/test_whole.py", *LAND),
    "tests/release/",
    "tests/pages/test_looks.py",
    "tests/whole/test_upgrade.py",
    "tests/backups/",
    "chaos/",
    "tests/pages/test_quick.py",
    *("tests/exports/test_one_feed.py", "tests/clouds/test_killed_anywhere.py", "tests/whole/"),
    *("tests/imports/", "tests/pub/test_catching_up.py", "tests/monitor/test_on_postgres.py"),
    *("tests/pages/", "tests/exports/", "tests/client/", "tests/command/", "tests/billing/"),
)
"""What takes longest comes first, so that in the end no worker is alone with it."""


HEAVY = {"built_node_pub", "built_pub", "built_stock", "land", "postgres_url", "v8"}
"""Fixtures that `--quick` does without: pubs, browsers, Node, PostgreSQL, Docker and Salt."""


SLOW = (
    *(
        "tests/attacks/",
        "tests/clouds/",
        "tests/examples/",
        "tests/pub/",
        "tests/public/",
        "tests/vault/",
        "tests/sources/",
    ),
    *(
        "tests/scuttlekit/command/",
        "tests/scuttlekit/store/",
        "tests/scuttlekit/test_fuzz.py",
        "tests/standins/",
    ),
    *(
        "tests/monitor/",
        "tests/leaving/test_sweep.py",
        "tests/api/test_schema.py",
        "attack/",
        "tests/release/",
    ),
    *("tests/scuttlekit/test_against_ssb_validate.py", "tests/scuttlekit/test_published_handshakes.py"),
)
"""What `--quick` leaves out as well: it takes long."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="Only tests of Python alone: no pub, browser or container."
    )


class ByFile(LoadScopeScheduling):
    """Where tests run side by side, a file stays with one worker, and so do all that need the land, which is there once."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        # Else files of many tests would come first, which are not those that take longest.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return "land" if _needs_land(nodeid) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("quick"):
        heavy = [item for item in items if _is_heavy(item)]
        config.hook.pytest_deselected(items=heavy)
        items[:] = [item for item in items if not _is_heavy(item)]
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    return next((rank for rank, start in enumerate(LONGEST) if nodeid.startswith(start)), len(LONGEST))


def _is_heavy(item: pytest.Item) -> bool:
    return item.nodeid.startswith((*LONGEST, *SLOW)) or not HEAVY.isdisjoint(
        getattr(item, "fixturenames", ())
    )


def _needs_land(nodeid: str) -> bool:
    return nodeid.startswith(LAND)


@pytest.fixture(scope="session")
def built_pub() -> Path:
    """A release of the pub that comes with the service, built once for all tests."""
    return build(PUB_SOURCE).path


@pytest.fixture(scope="session")
def built_stock() -> Path:
    """The network's own ssb-server. Programs in tests that are not ours run on its packages."""
    return build(STOCK).path


@pytest.fixture(scope="session")
def built_node_pub() -> Path:
    """A release of a pub for Node."""
    return build(NODE_PUB).path


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
