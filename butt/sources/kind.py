"""What the builder must know about a kind of source. Each kind is one class in its own file; `kinds.py` lists them."""

import fnmatch
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from butt.trouble import Trouble

Say = Callable[[str, str], None]
"""Called with the progress of a build, in a few words, and with the end of its installer's output."""


class BuildFailed(Trouble):
    """Why a source did not become a release, and what to do about it. `log` is the end of the installer's output."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class Installing(Protocol):
    """Runs the programs that build a release, one after the other, within one deadline."""

    def run(
        self, command: list[str], how_far: Callable[[str], str], failure: str, noise: tuple[str, ...] = ()
    ) -> None:
        """Run `command` in the release's folder until it ends. Raises `BuildFailed`.

        `how_far` is given all output of the program so far, and returns the progress in a few words. When the program fails,
        the reason is `failure` followed by the last lines of its output; lines that begin with one of `noise` are left out.
        """


class SourceKind(Protocol):
    """A kind of source, recognised by the files in its folder.

    Source and release have the same layout: a release is a copy of the source that also has `packages`, the folder of
    everything it depends on.
    """

    needed: tuple[str, ...]
    """The files that every source of this kind has. The first one identifies the kind."""
    packages: str
    """The folder in a release that holds what the source depends on."""
    left_out: tuple[str, ...]
    """Patterns of names that are not part of a source, at any depth. Names that begin with a dot never are."""
    tied: tuple[str, ...]
    """Paths in a release that are useful on this machine only: they are not handed to others."""
    proof: tuple[str, ...]
    """A command that succeeds where releases of this kind can be built and run."""

    @property
    def runtime(self) -> str:
        """The runtime and its version, like `Node 24.19.0`."""

    def check(self, source: Path) -> None:
        """Raises `BuildFailed` if the needed files are not valid."""

    def packages_of(self, source: Path) -> dict[str, str]:
        """`{name: version}` of everything in the lockfile. Raises `ValueError`, `KeyError` or `TypeError`."""

    def install(self, folder: Path, installing: Installing) -> None:
        """Make a release of the copied source in `folder`. The folder is renamed afterwards. Raises `BuildFailed`."""

    def command(self, release: Path) -> list[str]:
        """The command that runs a bot, without its last argument: the path of the bot's configuration."""

    def preload(self, release: Path) -> dict[str, list[str]]:
        """What one process can load for all bots of the release, and then be forked: the folders of modules as `path`, and
        `modules`. Empty if each has to be executed.
        """

    def misfit(self, release: Path) -> str:
        """Why this release cannot run here any more, and what to do about it; empty if it can."""


def is_left_out(name: str, kind: SourceKind) -> bool:
    """Whether a file or folder with this name is not part of a source."""
    return name.startswith(".") or any(fnmatch.fnmatchcase(name, pattern) for pattern in kind.left_out)
