"""The folders that stand for volumes and snapshots. They are copied and removed in the background, because
big ones take long.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

QUICK = 0.5
"""Seconds within which a small one is done before the answer."""


class Disks:
    def __init__(self) -> None:
        self._copies: dict[Path, threading.Thread] = {}
        self._removals: list[threading.Thread] = []

    def copy(self, source: Path, target: Path) -> None:
        """A copy as it is, with owners and devices. Files that vanish meanwhile are left out: the disk may be
        in use.
        """
        target.mkdir(parents=True, exist_ok=True)
        command = ["cp", "-a", f"{source}/.", str(target)]
        thread = threading.Thread(
            target=subprocess.run, args=(command,), kwargs={"stderr": subprocess.DEVNULL, "check": False}
        )
        self._copies[target] = thread
        thread.start()
        thread.join(QUICK)

    def is_ready(self, target: Path) -> bool:
        thread = self._copies.get(target)
        return thread is None or not thread.is_alive()

    def remove(self, folder: Path) -> None:
        if not folder.exists():
            return
        gone = folder.with_name(f".gone-{folder.name}")
        folder.rename(gone)
        thread = threading.Thread(target=shutil.rmtree, args=(gone,), kwargs={"ignore_errors": True})
        self._removals.append(thread)
        thread.start()
        thread.join(QUICK)

    def finish(self) -> None:
        for thread in [*self._copies.values(), *self._removals]:
            thread.join()
