"""One attacker, in a process of its own with low priority, so that its own work does not slow the service
down.

`python -m attack.attacker` reads a `World` from standard input and writes a `Told` to standard output, both
as JSON.
"""

import importlib
import json
import os
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from socket import socket
from typing import Any

from scuttlekit import ScuttlebuttError
from tests.attacks.lines import line, open_many_files
from tests.doors import Door
from tests.visitor import Visitor

POLITE = 10
"""How much less than others it claims of the processor."""


@dataclass(frozen=True)
class World:
    """What an attacker knows or is given to attack with. Nobody may ever be told a value in `secrets`."""

    name: str
    seed: int
    seconds: float
    public: dict[str, Any]
    private: dict[str, Any]
    email: str = ""
    """Of an account of the attacker's own."""
    bot_id: str = ""
    """The attacker's own."""
    victims: list[str] = field(default_factory=list)
    """Others' bots: their ids and names."""
    victim_email: str = ""
    address: str = ""
    """Of somebody's bot on the network."""
    invite: str = ""
    uses: int = 0
    """How many the invite is for."""
    join: str = ""
    uploads: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


@dataclass
class Told:
    """The result: `answers` counted by trick, and everything that should not have happened."""

    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)


class Attacker:
    """What all tricks share. Each trick runs in a thread of its own, repeatedly until the time is over."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.public, self.private = Door(**world.public), Door(**world.private)
        self.random = random.Random(f"{world.seed}/{world.name}")
        self.ends = time.monotonic() + world.seconds
        self._secrets = [secret.encode() for secret in world.secrets]
        self._lock = threading.Lock()
        self._answers: dict[str, Counter[str]] = {}
        self.told = Told()

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.ends

    def source(self) -> str:
        """An address from anywhere."""
        return (
            f"127.{self.random.randint(10, 99)}.{self.random.randint(1, 250)}.{self.random.randint(1, 250)}"
        )

    def visitor(self, source: str = "") -> Visitor:
        return Visitor(self.public, source or self.source(), self.hears, 10)

    def hears(self, said: bytes) -> None:
        for secret in self._secrets:
            if secret in said:
                self.found(f"{self.world.name} was told what is another's: {said[:200]!r}")

    def found(self, what: str) -> None:
        with self._lock:
            if what not in self.told.found:
                self.told.found.append(what)

    def counts(self, what: str) -> None:
        # Threads that a trick starts get its name and a number.
        trick = re.sub(r"_\d+$", "", threading.current_thread().name)
        with self._lock:
            self._answers.setdefault(trick, Counter())[what] += 1
        if what == "500":
            self.found(f"{trick}: an error of the service's own")

    def waits(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self.ends - time.monotonic())))

    @contextmanager
    def lines(
        self, count: int, said: bytes, door: Door | None = None, source: str = ""
    ) -> Iterator[list[socket]]:
        """Open this many connections that send these bytes."""
        with ExitStack() as stack:
            opened: list[socket] = []
            stack.callback(lambda: [each.close() for each in opened])
            for _ in range(count):
                if self.is_over:
                    break
                with suppress(OSError):
                    opened.append(line(door or self.public, said, source or self.source()))
            yield opened

    def run(self, tricks: list[Callable[["Attacker"], None]]) -> Told:
        threads = [
            threading.Thread(target=self._again, args=(trick,), name=trick.__name__) for trick in tricks
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.told.answers = {trick: dict(counted) for trick, counted in self._answers.items()}
        return self.told

    def _again(self, trick: Callable[["Attacker"], None]) -> None:
        while not self.is_over:
            try:
                trick(self)
            except (OSError, HTTPException, ScuttlebuttError, TimeoutError) as no:
                self.counts(type(no).__name__)
                self.waits(0.05)


def main() -> None:
    import django

    django.setup()
    os.nice(POLITE)
    open_many_files()
    world = World(**json.load(sys.stdin))
    tricks = importlib.import_module(f"attack.{world.name}").TRICKS
    json.dump(asdict(Attacker(world).run(tricks)), sys.stdout)


if __name__ == "__main__":
    main()
