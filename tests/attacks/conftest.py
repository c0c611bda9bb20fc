"""The public server alone, for attackers to try their worst."""

from collections.abc import Iterator

import pytest

from tests.pages.server import Pages


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with Pages(tmp_path_factory.mktemp("home")) as pages:
        yield pages
