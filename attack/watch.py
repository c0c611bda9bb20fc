"""What the service uses while people and attackers use it: memory of each part, and disk."""

import threading
from contextlib import suppress
from pathlib import Path

import psutil

from butt.command.up import ROLES, STAND_IN
from tests.service import Service

EVERY = 0.2
"""Seconds."""

MIB = 1 << 20


class Watch(threading.Thread):
    """The most memory that each part used within one stretch of time, in bytes. All pubs are one part: the
    largest counts.
    """

    def __init__(self, site: Service) -> None:
        super().__init__(name="watch", daemon=True)
        self._site, self._lock = site, threading.Lock()
        self._parts = {role: [site.part(role)] for role in (*ROLES, STAND_IN)}
        self._parts["pubs"] = site.pubs()
        self._memory: dict[str, int] = {}
        self._disk = 0
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.wait(EVERY):
            seen = {}
            for part, processes in self._parts.items():
                with suppress(psutil.NoSuchProcess):
                    seen[part] = max(process.memory_info().rss for process in processes)
            disk = disk_of(self._site.home)
            with self._lock:
                self._memory = {part: max(size, self._memory.get(part, 0)) for part, size in seen.items()}
                self._disk = max(self._disk, disk)

    def begins(self) -> None:
        """Begin another stretch of time."""
        with self._lock:
            self._memory, self._disk = {}, 0

    @property
    def memory(self) -> dict[str, int]:
        with self._lock:
            return dict(self._memory)

    @property
    def disk(self) -> int:
        """The most bytes that the home folder had."""
        with self._lock:
            return self._disk

    def ended(self) -> list[str]:
        """The parts that do not run any more as they did at the beginning."""
        return [
            part
            for part, processes in self._parts.items()
            if not all(process.is_running() for process in processes)
        ]


def disk_of(home: Path) -> int:
    """Without releases, which are built beforehand."""
    total = 0
    for path in home.iterdir():
        if path.name != "releases":
            total += sum(_size(each) for each in (path.rglob("*") if path.is_dir() else [path]))
    return total


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_blocks * 512
    return 0
