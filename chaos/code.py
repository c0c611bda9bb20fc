"""The source of the pub, which is written while its bots live: into code as good as before, or into code that crashes."""

import random
import shutil
from pathlib import Path

from butt.sources.keys import digest_in
from butt.sources.releases import PUB_SOURCE, digest_of

CRASH = "process.exit(1)\n"


class Code:
    """A copy of the pub's source at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written = 0
        self._crashing: set[str] = set()
        shutil.copytree(PUB_SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
        self._good = (folder / "pub.js").read_text()

    def write(self, chance: random.Random) -> str:
        """What was done, in words."""
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
        draft.write_text(f"// {self._written}\n" + ("" if good else CRASH) + self._good)
        draft.rename(self.folder / "pub.js")
        if not good:
            self._crashing.add(digest_of(self.folder))
