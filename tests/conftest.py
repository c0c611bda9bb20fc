"""The real parts that tests share: a built pub, and a whole running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.sources.releases import build
from tests.salt.land import Land
from tests.service import Service


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, a file stays together, and so does all that needs the land: the longest, so first.

    Before xdist looks at the groups.
    """

    def needs_land(item: pytest.Item) -> bool:
        return "land" in getattr(item, "fixturenames", ())

    items.sort(key=needs_land, reverse=True)
    for item in items:
        item.add_marker(pytest.mark.xdist_group("land" if needs_land(item) else str(item.path)))


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
