"""What else may lie where bots of this machine have their folders, and a folder that cannot be used."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.hosts import HostTrouble, Order, Sighting
from butt.hosts.processes import Processes

GOOD, BAD = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    for bot_id in (GOOD, BAD):
        (processes.bots / str(bot_id) / "data").mkdir(parents=True)
    yield processes
    processes.stop_all()


@pytest.mark.parametrize("name", ["lost+found", f"{GOOD}.bak", GOOD.hex, f".gone-{GOOD}"])
def test_what_is_no_bot_is_left_alone(host: Processes, name: str):
    (host.bots / name).mkdir()
    assert dict(host.look()) == {GOOD: Sighting(), BAD: Sighting()}
    assert {stray.bot_id for stray in host.strays(())} == {GOOD, BAD}
    assert (host.bots / name).is_dir()


def test_a_folder_that_cannot_be_read_is_the_trouble_of_its_bot_alone(host: Processes):
    ballast = host.bots / str(BAD) / "ballast"
    ballast.symlink_to(ballast)
    seen = host.look()
    assert set(seen) == {GOOD, BAD}
    assert seen[GOOD] == Sighting()
    with pytest.raises(HostTrouble, match="too many levels of symbolic links"):
        seen.get(BAD)


def test_one_that_cannot_be_written_is_too(host: Processes, built_pub: Path):
    data = host.bots / str(BAD) / "data"
    data.rmdir()
    data.write_text("a file where a folder should be")
    order = Order(BAD, True, 1, "127.0.0.1", "127.0.0.1", 9000, built_pub.name, False, (), 0)
    with pytest.raises(HostTrouble, match="its folder cannot be used: file exists"):
        host.apply(order)
