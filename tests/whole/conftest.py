from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.hosts.processes import Processes


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Processes]:
    """A real host with a home of its own."""
    processes = Processes(tmp_path)
    yield processes
    processes.stop_all()
