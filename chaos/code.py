"""The pub's source, which is changed while its bots live: into code that works as before, or into code that
crashes.
"""

import random
import shutil
import subprocess
import sys
from pathlib import Path

from butt.sources.keys import digest_in
from butt.sources.kinds import kind_of
from butt.sources.releases import PUB_SOURCE, digest_of
from tests.whole.workshop import programs_of


class Code:
    """A copy of the pub's source at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written = 0
        self._crashing: set[str] = set()
        shutil.copytree(PUB_SOURCE, folder, ignore=shutil.ignore_patterns(*kind_of(PUB_SOURCE).left_out))
        self._programs = programs_of(PUB_SOURCE)
        self._main = folder / self._programs.main
        self._good = self._main.read_text()

    def write(self, chance: random.Random) -> str:
        """Change the source. Returns in words what was done."""
        good = chance.random() < 0.7
        self._write(good)
        return f"code {self._written} is written, which {'is as good' if good else 'crashes'}"

    def mend(self) -> None:
        self._write(True)

    def crashes(self, release: str) -> bool:
        """Whether the release of this key is built from code that crashes."""
        return digest_in(release) in self._crashing

    def _write(self, good: bool) -> None:
        self._written += 1
        draft = self.folder.with_suffix(".new")
        code = self._good if good else self._programs.crashes
        draft.write_text(f"{self._programs.comment} {self._written}\n{code}")
        draft.rename(self._main)
        if not good:
            self._crashing.add(digest_of(self.folder))


def without_registries(folder: Path) -> dict[str, str]:
    """An environment in which the pub can be built without a registry. Call it while the registries can be
    reached.

    npm kept what it fetched for an earlier build. pip asks its registry each time, so it gets a folder
    instead.
    """
    offline = {"npm_config_offline": "true"}
    lock = PUB_SOURCE / "requirements.txt"
    if lock.exists():
        fetch = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--require-hashes",
            "--only-binary=:all:",
        ]
        subprocess.run([*fetch, "--dest", str(folder), "--requirement", str(lock)], check=True, timeout=300)
        offline |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    return offline
