import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from butt.configuration import configuration


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Other settings for one test, as an operator sets them."""

    def give(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"BUTT_{name.upper()}", str(value))
        configuration.cache_clear()

    yield give
    monkeypatch.undo()
    configuration.cache_clear()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB, which can grow."""
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)
