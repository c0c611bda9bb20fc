"""Building a source into a release: a folder known by the digest of what it was built from."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from butt.configuration import configuration
from butt.sources.keys import digest_in
from butt.sources.node import NODE, NPM, node_version

PUB_SOURCE = Path(__file__).parents[2] / "bots" / "pub"
NEEDED = ("package.json", "package-lock.json", "Dockerfile")
BUILD_SECONDS = 600
ROOM_NEEDED = 300 * 1024 * 1024
TICK = 0.5
LOG_KEPT = 8192

WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""What is called with this ends with its builder, however that ends: an npm that lived on would find its folder cleared
away, take that for a damaged cache, and remove packages from there."""

Say = Callable[[str, str], None]
"""Told how far a build has come, in a few words, and the end of what npm said."""


class BuildFailed(Exception):
    """Why a source did not become a release, and what to do about it. `log` is the end of what npm said."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True)
class Built:
    """A built source at `path`, under its `key` (see `Release.key`)."""

    key: str
    path: Path

    @property
    def digest(self) -> str:
        return digest_in(self.key)

    @property
    def command(self) -> list[str]:
        """The program that runs the bot, but for its one argument: the path of its configuration."""
        flags = self._package.get("butt", {}).get("nodeFlags", [])
        return [str(NODE), *flags, str(self.path / self._package.get("main", "pub.js"))]

    @property
    def packages(self) -> dict[str, str]:
        return packages_of(self.path)

    @property
    def node(self) -> str:
        return node_version()

    @cached_property
    def _package(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "package.json").read_bytes())
        return found


def release(key: str) -> Built:
    return Built(key, configuration().home / "releases" / key)


def build(source: Path = PUB_SOURCE, key: str = "", say: Say = lambda *_: None) -> Built:
    """The release `key` of `source`, by default its first one, made when there is none yet. Raises `BuildFailed`.

    It is built beside its place and moved there whole, so a half-built one is never met. One is built at a time, and
    what was copied is held against the key: whoever writes the source does not wait for us.
    """
    wanted = release(key or digest_of(source))
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    with _one_builder(wanted.path.parent / "lock"):
        if not wanted.path.exists():
            for left in wanted.path.parent.glob("*.draft"):
                shutil.rmtree(left, ignore_errors=True)
            draft = _draft_of(wanted.path)
            try:
                _check_room(draft.parent)
                say("copying the source", "")
                shutil.copytree(source, draft, ignore=shutil.ignore_patterns("node_modules", ".*"))
                if digest_of(draft) != wanted.digest:
                    raise BuildFailed(f"{source} changed while it was copied: try again.")
                _install(draft, say)
                draft.rename(wanted.path)
            except OSError as error:
                raise BuildFailed(f"The release cannot be written: {error.strerror}.") from error
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return wanted


def check(source: Path) -> None:
    """Raises `BuildFailed` where `source` is not a folder that a bot can be built from."""
    for name in NEEDED:
        if not (source / name).is_file():
            raise BuildFailed(f"{source} is no source of a bot: it has no {name}.")
    try:
        packages_of(source)
        json.loads((source / "package.json").read_bytes())["dependencies"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BuildFailed(f"The package.json or package-lock.json of {source} makes no sense.") from None


def remove(key: str) -> None:
    """Renamed first: half a release must never be taken for one. Where it is a link, only the link goes."""
    path = release(key).path
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        grave = path.rename(_draft_of(path))
        shutil.rmtree(grave, ignore_errors=True)


def _draft_of(path: Path) -> Path:
    """Another each time: of a builder that was killed, npm may write for another moment in the one before."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}.draft")


def packages_of(source: Path) -> dict[str, str]:
    """`{name: version}` of all that the lockfile names; a package there in several versions has them all, with commas."""
    lock = json.loads((source / "package-lock.json").read_bytes())
    found: dict[str, set[str]] = {}
    for path, package in lock["packages"].items():
        if path and not package.get("dev"):
            found.setdefault(path.rpartition("node_modules/")[2], set()).add(str(package.get("version", "?")))
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}


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


def _install(folder: Path, say: Say) -> None:
    command = [
        *WITH_US,
        *NPM,
        "ci",
        "--ignore-scripts",
        "--omit=dev",
        "--no-audit",
        "--no-fund",
        "--loglevel=http",
    ]
    total, deadline = len(packages_of(folder)), time.monotonic() + BUILD_SECONDS
    with (folder / ".npm.log").open("a+b") as log:
        npm = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            runs = True
            while runs:
                if time.monotonic() > deadline:
                    raise BuildFailed(
                        f"npm did not finish within {BUILD_SECONDS} s: is the npm registry reachable?"
                    )
                time.sleep(TICK)
                runs = npm.poll() is None
                say(f"installing packages, {_installed(folder)} of {total}", _end(log))
        finally:
            if npm.poll() is None:
                npm.kill()
                npm.wait()
        said = _end(log)
    (folder / ".npm.log").unlink()
    if npm.returncode:
        errors = [line for line in said.splitlines() if not line.startswith("npm http")]
        last = "\n".join(errors[-8:])
        raise BuildFailed(f"npm could not install the bot's packages:\n{last}", said)


def _end(log: BinaryIO) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_KEPT))
    return log.read().decode(errors="replace").strip()


def _installed(folder: Path) -> int:
    return sum(1 for _ in folder.glob("node_modules/*/package.json")) + sum(
        1 for _ in folder.glob("node_modules/@*/*/package.json")
    )


@contextmanager
def _one_builder(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
