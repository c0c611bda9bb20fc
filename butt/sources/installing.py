"""Running the program that installs a release's packages: with a time limit, watched, and ended with its builder."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from butt.environment import for_tools
from butt.sources.kind import BuildFailed, Say

BUILD_SECONDS = 600
TICK = 0.5
LOG_KEPT = 8192
LINES_TOLD = 8

WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""A program started with this prefix ends with its builder, however the builder ends. One that lived on would find its folder
removed, take that for a damaged cache, and delete packages from it.
"""


class Installer:
    """The `Installing` for the release that is built in `folder`."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder, self._say = folder, say
        self._deadline = time.monotonic() + BUILD_SECONDS
        self._log, self._temporary = folder / ".install.log", folder / ".tmp"
        self._temporary.mkdir()

    def run(
        self, command: list[str], how_far: Callable[[str], str], failure: str, noise: tuple[str, ...] = ()
    ) -> None:
        with self._log.open("a+b") as log:
            program = subprocess.Popen(
                [*WITH_US, *command],
                cwd=self._folder,
                # Files unpacked on the way are in the draft, so they go with the draft if the builder is killed.
                env=for_tools(TMPDIR=str(self._temporary)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                self._follow(program, how_far, log)
            finally:
                if program.poll() is None:
                    program.kill()
                    program.wait()
            if program.returncode:
                said = _end(log)
                lines = [line for line in said.splitlines() if not line.startswith(noise)]
                last = "\n".join(lines[-LINES_TOLD:])
                raise BuildFailed(f"{failure}:\n{last}", said)

    def finish(self) -> None:
        """Remove what only the installation needed."""
        self._log.unlink(missing_ok=True)
        shutil.rmtree(self._temporary)

    def _follow(self, program: subprocess.Popen[bytes], how_far: Callable[[str], str], log: BinaryIO) -> None:
        runs = True
        while runs:
            if time.monotonic() > self._deadline:
                raise BuildFailed(
                    f"The bot's packages were not installed within {BUILD_SECONDS} s: "
                    "is the registry they come from reachable?",
                    _end(log),
                )
            time.sleep(TICK)
            runs = program.poll() is None
            log.seek(0)
            self._say(how_far(log.read().decode(errors="replace")), _end(log))


def _end(log: BinaryIO) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_KEPT))
    return log.read().decode(errors="replace").strip()
