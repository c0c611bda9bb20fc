"""Building a source into a release, known by the digest of what it was built from."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from butt.configuration import configuration
from butt.sources.node import NODE, NPM

PUB_SOURCE = Path(__file__).parents[2] / "bots" / "pub"
BUILD_SECONDS = 600
ROOM_NEEDED = 300 * 1024 * 1024


class BuildFailed(Exception):
    """Why a source did not become a release, and what to do about it."""


@dataclass(frozen=True)
class Release:
    """A built source at `path`; `digest` is that of the source and of the Node it was built for."""

    digest: str
    path: Path

    @property
    def command(self) -> list[str]:
        """The program that runs the bot, but for its one argument: the path of its configuration."""
        package = json.loads((self.path / "package.json").read_bytes())
        flags = package.get("butt", {}).get("nodeFlags", [])
        return [str(NODE), *flags, str(self.path / package.get("main", "pub.js"))]


def release(digest: str) -> Release:
    return Release(digest, configuration().home / "releases" / digest)


def build(source: Path = PUB_SOURCE) -> Release:
    """The release of `source`, built when there is none yet. Raises `BuildFailed`.

    It is built beside its place and moved there whole, so a half-built one is never met.
    """
    wanted = release(digest_of(source))
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    with _one_builder(wanted.path.parent / "lock"):
        if not wanted.path.exists():
            draft = wanted.path.with_name(f"{wanted.digest}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            _check_room(draft.parent)
            shutil.copytree(source, draft, ignore=shutil.ignore_patterns("node_modules", ".*"))
            _install(draft)
            draft.rename(wanted.path)
    return wanted


def digest_of(source: Path) -> str:
    """SHA-256 over the names and bytes of the source's files, and over the version of Node. Hexadecimal, 16 digits."""
    total = hashlib.sha256(str(NODE.stat().st_size).encode())
    for path in sorted(_files(source)):
        content = path.read_bytes()
        total.update(f"{path.relative_to(source).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:16]


def _files(source: Path) -> Iterator[Path]:
    for path in source.iterdir():
        if path.name == "node_modules" or path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM_NEEDED:
        raise BuildFailed(
            f"A build needs {ROOM_NEEDED >> 20} MiB of free disk and there are {free >> 20} MiB at {folder}: "
            "make room and try again."
        )


def _install(folder: Path) -> None:
    command = [*NPM, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BuildFailed(
            f"npm did not finish within {BUILD_SECONDS} s: is the npm registry reachable?"
        ) from None
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise BuildFailed(f"npm could not install the bot's packages:\n{last}")


@contextmanager
def _one_builder(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
