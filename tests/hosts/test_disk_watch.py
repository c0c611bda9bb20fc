"""Code that writes without end on a host that shares one disk among all bots."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from butt.hosts import Order, Sighting, disk_quota, exits
from butt.hosts.disk_watch import size_of
from butt.hosts.interface import Folder
from butt.hosts.processes import Processes
from butt.sources.releases import Built, build
from tests.disks import disk, fill
from tests.service import wait_for
from tests.sources.conftest import settings_of
from tests.sources.tiny import write_python

__all__ = ["settings_of"]

GREEDY, MODEST = uuid.UUID(int=1), uuid.UUID(int=2)
MB = 1 << 20

WRITES_WITHOUT_END = """
import itertools, os, signal, sys, time
from pathlib import Path
data = Path(sys.argv[1]).parent / "data"
while (data / "quiet").exists():
    time.sleep(60)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    time.sleep(600)
for number in itertools.count():
    with open(data / f"heap-{number % 4}", "ab") as heap:
        try:
            heap.write(bytes(1 << 20))
        except OSError:
            pass
    time.sleep(0.01)
"""
"""It takes no notice of being told to stop, and has a child."""


@pytest.fixture
def code(tmp_path: Path, settings_of: Callable[..., None]) -> Built:
    settings_of(home=tmp_path)
    write_python(tmp_path / "source", WRITES_WITHOUT_END, [])
    return build(tmp_path / "source")


@contextmanager
def watched(home: Path) -> Iterator[Processes]:
    """A host that does its own work beside what it is asked for."""
    host, over = Processes(home), threading.Event()
    worker = threading.Thread(target=host.work, args=(lambda: not over.is_set(),))
    worker.start()
    try:
        yield host
    finally:
        over.set()
        worker.join()
        host.end_at_once(str(GREEDY))
        host.stop_all()


def order(bot_id: uuid.UUID, code: Built, *, limit: int = 0, launch: int = 1) -> Order:
    return Order(bot_id, True, launch, "127.0.0.1", "127.0.0.1", 9000, code.key, False, (), 0, disk=limit)


def quiet(host: Processes, bot_id: uuid.UUID) -> None:
    """From its next start on, the bot writes nothing."""
    data = host.bots / str(bot_id) / "data"
    data.mkdir(parents=True, exist_ok=True)
    (data / "quiet").touch()


def ended(host: Processes, bot_id: uuid.UUID) -> Sighting | None:
    seen = host.look([bot_id])[bot_id]
    return seen if seen.ended else None


def processes_of(host: Processes, bot_id: uuid.UUID) -> list[int]:
    config = str(host.bots / str(bot_id) / "config.json")
    return [each.pid for each in psutil.process_iter(["cmdline"]) if config in (each.info["cmdline"] or ())]


def test_a_bot_that_uses_more_than_its_limit_is_ended_and_starts_when_it_may_use_more(
    tmp_path: Path, code: Built
):
    with watched(tmp_path / "home") as host:
        quiet(host, MODEST)
        host.apply(order(MODEST, code, limit=MB))
        host.apply(order(GREEDY, code, limit=MB))
        seen = wait_for(lambda: ended(host, GREEDY), 60)
        assert seen.exit_code == exits.DISK_FULL
        assert "and may use 1 MiB, so it was stopped. It starts again when it may use more" in seen.ended
        wait_for(lambda: not processes_of(host, GREEDY), 30)
        used = size_of(Folder(host.bots / str(GREEDY)))
        assert used > disk_quota.quota_of(host.bots / str(GREEDY)).most

        # Whether it is told the same again or started anew, there is no room for it.
        for launch in (1, 2):
            host.apply(order(GREEDY, code, limit=MB, launch=launch))
            assert not processes_of(host, GREEDY)
            assert ended(host, GREEDY)
        assert host.look([MODEST])[MODEST].running

        quiet(host, GREEDY)
        host.apply(order(GREEDY, code, limit=2 * used, launch=3))
        assert host.look([GREEDY])[GREEDY].running


def test_who_fills_the_disk_without_a_limit_is_ended_and_nobody_else(tmp_path: Path, code: Built):
    with disk(tmp_path / "small", "128m"), watched(tmp_path / "small" / "home") as host:
        fill(tmp_path / "small" / "others", leave=10_000)
        quiet(host, MODEST)
        host.apply(order(MODEST, code))
        host.apply(order(GREEDY, code))
        seen = wait_for(lambda: ended(host, GREEDY), 60)
        assert "of its machine's disk free, so it was stopped. It starts again when" in seen.ended
        host.apply(order(GREEDY, code, launch=2))
        assert ended(host, GREEDY)
        assert host.look([MODEST])[MODEST].running
        (tmp_path / "small" / "others").unlink()
        quiet(host, GREEDY)
        host.apply(order(GREEDY, code, launch=3))
        assert host.look([GREEDY])[GREEDY].running


def fills(folder: Folder, size: int) -> None:
    with (folder.data / "log").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def test_a_lower_limit_does_not_stop_a_bot_that_keeps_what_it_has(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.data.mkdir()
    fills(folder, 200 * MB)
    disk_quota.set_limit(tmp_path, MB, lambda: size_of(folder))
    first = disk_quota.quota_of(tmp_path).most
    assert first > size_of(folder) >= 200 * MB
    # Whoever changes it again and again gains nothing, however much was written meanwhile.
    for limit in range(2 * MB, 5 * MB, MB):
        fills(folder, 300 * MB)
        disk_quota.set_limit(tmp_path, limit, lambda: size_of(folder))
        assert disk_quota.quota_of(tmp_path).most == first
    (folder.data / "log").write_bytes(b"")
    disk_quota.set_limit(tmp_path, MB, lambda: size_of(folder))
    assert disk_quota.quota_of(tmp_path).most < 70 * MB
    disk_quota.set_limit(tmp_path, 0, lambda: size_of(folder))
    assert disk_quota.quota_of(tmp_path).most == 0


def test_holes_do_not_count_and_small_files_take_a_block(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.data.mkdir()
    empty = size_of(folder)
    with (folder.data / "hole").open("wb") as file:
        file.truncate(1 << 40)
    (folder.data / "link").symlink_to("/")
    assert size_of(folder) - empty < MB
    for number in range(256):
        (folder.data / f"small-{number}").write_bytes(b"x")
    assert size_of(folder) - empty >= 256 * 4096
