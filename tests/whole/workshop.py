"""Other code for living bots: better code, and code that crashes, is silent, or fills the disk."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from butt.sources.kinds import kind_of
from butt.sources.releases import PUB_SOURCE, digest_of


@dataclass(frozen=True)
class Programs:
    """Texts for the file `main` of a pub's source, in its language."""

    main: str
    comment: str
    crashes: str
    is_silent: str
    eats_its_disk: str
    holds_its_disk_full: str
    """It neither ends nor answers, and takes every byte that becomes free."""


NODE = Programs(
    main="pub.js",
    comment="//",
    crashes="throw new Error('this code is wrong')\n",
    is_silent="setInterval(() => {}, 1e9)\n",
    eats_its_disk="""\
const fs = require('fs')
const path = require('path')
const { path: data } = JSON.parse(fs.readFileSync(process.argv[2]))
const junk = fs.openSync(path.join(data, 'junk'), 'w')
try {
  while (true) fs.writeSync(junk, Buffer.alloc(1 << 20))
} catch {
  process.exit(74)
}
""",
    holds_its_disk_full="""\
const fs = require('fs')
const path = require('path')
const { path: data } = JSON.parse(fs.readFileSync(process.argv[2]))
const junk = fs.openSync(path.join(data, 'junk'), 'w')
function eat (size) { try { while (true) fs.writeSync(junk, Buffer.alloc(size)) } catch {} }
function eatAll () { [1 << 20, 4096, 1].forEach(eat) }
eatAll()
setInterval(eatAll, 20)
""",
)

PYTHON = Programs(
    main="scuttlekit/pub/__main__.py",
    comment="#",
    crashes="raise RuntimeError('this code is wrong')\n",
    is_silent="import time\n\nwhile True:\n    time.sleep(60)\n",
    eats_its_disk="""\
import json
import sys
from pathlib import Path

with Path(json.loads(Path(sys.argv[1]).read_text())["path"], "junk").open("wb", buffering=0) as junk:
    try:
        while True:
            junk.write(bytes(1 << 20))
    except OSError:
        sys.exit(74)
""",
    holds_its_disk_full="""\
import json
import sys
import time
from pathlib import Path

junk = Path(json.loads(Path(sys.argv[1]).read_text())["path"], "junk").open("wb", buffering=0)
while True:
    for size in (1 << 20, 4096, 1):
        try:
            while True:
                junk.write(bytes(size))
        except OSError:
            pass
    time.sleep(0.02)
""",
)


def programs_of(source: Path) -> Programs:
    """Those in this pub's language."""
    return next(programs for programs in (NODE, PYTHON) if (source / programs.main).is_file())


class Workshop:
    """A place where a pub's source is changed; its packages are there already, so a build takes no time."""

    def __init__(self, folder: Path, built: Path, source: Path = PUB_SOURCE) -> None:
        self.folder, self._built, self.home = folder, built, Path()
        self.programs, self._kind = programs_of(source), kind_of(source)
        self._own = (source / self.programs.main).read_text()
        shutil.copytree(
            source, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", *self._kind.left_out)
        )

    def improves(self, remark: str) -> str:
        """Code that works like the pub's own and differs by a comment; the digest of its release."""
        return self.writes(f"{self._own}{self.programs.comment} {remark}\n")

    def writes(self, main: str) -> str:
        """Other code; the digest of its release."""
        # Not in the folder, where it would be other code as well, and be built.
        draft = self.folder.with_name("pub.draft")
        draft.write_text(main)
        return self._shelve(lambda: draft.replace(self.folder / self.programs.main), main)

    def _shelve(self, change: Callable[[], object], main: str) -> str:
        copy = self.folder.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder, copy)
        (copy / self.programs.main).write_text(main)
        digest = digest_of(copy)
        self._bring_packages(copy)
        (self.home / "releases").mkdir(exist_ok=True)
        copy.rename(self.home / "releases" / digest)
        change()
        return digest

    def _bring_packages(self, copy: Path) -> None:
        (copy / self._kind.packages).symlink_to(self._built / self._kind.packages)
