"""What the builder must know of a kind of source. Each kind is one class in a file of its own; `kinds.py` lists them."""

import fnmatch
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Say = Callable[[str, str], None]
"""Called with how far a build has come, in a few words, and with the end of what its installer said."""


class BuildFailed(Exception):
    """Why a source did not become a release, and what to do about it. `log` is the end of what the installer said."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class Installing(Protocol):
    """Runs the programs that make a release, one after the other, within one deadline."""

    def run(
        self, command: list[str], how_far: Callable[[str], str], failure: str, noise: tuple[str, ...] = ()
    ) -> None:
        """Run `command` in the release's folder until it ends. Raises `BuildFailed`.

        `how_far` is told all that the program has said so far, and answers with the progress in a few words. When the
        program fails, the reason is `failure` with the last lines it said; lines that begin with one of `noise` are left
        out of that.
        """


class SourceKind(Protocol):
    """A kind of source, told by the files in its folder.

    Source and release are laid out alike: a release is a copy of the source with `packages` in it, the folder of all
    that it depends on.
    """

    needed: tuple[str, ...]
    """The files that every source of this kind has. The first one tells the kind."""
    packages: str
    """The folder in a release that holds what the source depends on."""
    left_out: tuple[str, ...]
    """Patterns of names that are no part of a source, at any depth. Names that begin with a dot never are."""
    tied: tuple[str, ...]
    """Paths in a release that are of use on this machine alone: they are not handed to others."""
    proof: tuple[str, ...]
    """A command that succeeds where releases of this kind can be built and run."""

    @property
    def runtime(self) -> str:
        """What runs it, with the version: `Node 24.19.0`."""

    def check(self, source: Path) -> None:
        """Raises `BuildFailed` when the files that are needed make no sense."""

    def packages_of(self, source: Path) -> dict[str, str]:
        """`{name: version}` of all that the lockfile names. Raises `ValueError`, `KeyError` or `TypeError`."""

    def install(self, folder: Path, installing: Installing) -> None:
        """Make a release of the copied source in `folder`. The folder is renamed afterwards. Raises `BuildFailed`."""

    def command(self, release: Path) -> list[str]:
        """The program that runs a bot, but for its last argument: the path of the bot's configuration."""

    def misfit(self, release: Path) -> str:
        """Why this release cannot run here any more, and what to do about it; empty where it can."""


def is_left_out(name: str, kind: SourceKind) -> bool:
    """Whether a file or folder of this name is no part of a source."""
    return name.startswith(".") or any(fnmatch.fnmatchcase(name, pattern) for pattern in kind.left_out)
