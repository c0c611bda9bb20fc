"""The processes of the bots: no identity ever runs twice, and in the end those run that should."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from chaos.journal import Journal
from tests.service import Service


@dataclass
class Life:
    """When a process was seen first and last, in seconds since the epoch."""

    bot_id: str
    first: float
    last: float


class Processes(threading.Thread):
    """Watches all the time, and remembers."""

    def __init__(self, site: Service, journal: Journal) -> None:
        super().__init__(daemon=True)
        self.site, self.journal = site, journal
        self.enough = threading.Event()
        self._lock = threading.Lock()
        self._lives: dict[int, Life] = {}

    def run(self) -> None:
        while not self.enough.wait(0.3):
            self.look()

    def look(self) -> None:
        now, runs = time.time(), Counter[str]()
        for pub in self.site.pubs():
            if bot_id := bot_of(pub):
                runs[bot_id] += 1
                with self._lock:
                    self._lives.setdefault(pub.pid, Life(bot_id, now, now)).last = now
        for bot_id, count in runs.items():
            if count > 1:
                self.journal.found(f"{bot_id} runs {count} times")

    def folders(self) -> set[str]:
        """Every bot that ever ran."""
        with self._lock:
            return {life.bot_id for life in self._lives.values()}

    def lives(self) -> dict[int, Life]:
        with self._lock:
            return dict(self._lives)

    def are_wanted(self, bots: list[Any]) -> None:
        runs = Counter(filter(None, map(bot_of, self.site.pubs())))
        expected = Counter(bot["id"] for bot in bots if bot["wanted"] == "running")
        if runs != expected:
            self.journal.found(f"processes {dict(runs)}, expected {dict(expected)}")


def bot_of(pub: psutil.Process) -> str:
    try:
        return Path(pub.cmdline()[-1]).parent.name
    except (psutil.Error, IndexError):
        return ""
