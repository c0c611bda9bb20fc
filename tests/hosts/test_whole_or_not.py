"""What a host writes on a disk without room."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.hosts.processes import _write


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_file_that_finds_no_room_leaves_the_earlier_one_and_no_draft(tiny_disk: Path):
    config = tiny_disk / "config.json"
    _write(config, "earlier")
    with pytest.raises(OSError, match="No space left"):
        _write(config, "x" * (1 << 20))
    assert config.read_text() == "earlier"
    assert list(tiny_disk.iterdir()) == [config]
