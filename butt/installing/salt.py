"""Salt's own environment: its programs are run, and nothing of it is imported."""

import hashlib
import sys
from dataclasses import dataclass

from butt import resources
from butt.installing import SALT
from butt.installing.system import System

MEND = "Check that this machine can reach PyPI, or the index that pip is configured for, then run `butt install` again."

QUICKLY = {"CFLAGS": "-O0"}
"""Some packages come as source. At pip's own level, one file that reads dates takes the C compiler most of the time of the whole
installation, and Salt reads few dates.
"""

WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""A program that is killed together with us does not write into the environment that the next run makes anew."""


@dataclass(frozen=True)
class SaltEnvironment:
    system: System
    what: str = f"Salt is installed in {SALT}"

    def is_done(self) -> bool:
        return self.system.read(f"{SALT}/done") == self._origin()

    def do(self) -> None:
        folder = str(self.system.path(SALT))
        self.system.run(*WITH_US, self.system.python, "-m", "venv", "--clear", folder)
        pip = (*WITH_US, f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check")
        lock = ("--require-hashes", "-r", str(resources.SALT_LOCK))
        command = (*pip, "install", "--quiet", "--no-input", *lock)
        self.system.run(*command, settings=QUICKLY, seconds=1800, mend=MEND)
        self.system.write(f"{SALT}/done", self._origin())

    def undo(self) -> str:
        return "removed" if self.system.remove(SALT) else ""

    def _origin(self) -> str:
        """A different lockfile or a different Python needs a new environment."""
        return hashlib.sha256(resources.SALT_LOCK.read_bytes() + sys.version.encode()).hexdigest()
