"""Building a source into a release: a folder named by the digest of what it was built from."""

import fcntl
import hashlib
import shutil
import stat
import sysconfig
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from butt import resources
from butt.configuration import configuration
from butt.sources.installing import Installer
from butt.sources.keys import digest_in
from butt.sources.kind import BuildFailed, Say, SourceKind, is_left_out
from butt.sources.kinds import kind_of

PUB_SOURCE = resources.PUB_SOURCE

ROOM_NEEDED = 300 * 1024 * 1024
READ, READ_AND_RUN = 0o444, 0o555


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
        """The command that runs the bot, without its one argument: the path of its configuration."""
        return kind_of(self.path).command(self.path)

    @property
    def preload(self) -> dict[str, list[str]]:
        """What one process can load for all bots of it, and then be forked (see `SourceKind.preload`)."""
        return kind_of(self.path).preload(self.path)

    @property
    def misfit(self) -> str:
        """Why it cannot run here, and what to do about it; empty if it can."""
        if not self.path.is_dir():
            return "its code is no longer on this disk; “rebuild” builds it again"
        try:
            return kind_of(self.path).misfit(self.path)
        except BuildFailed as failed:
            return f"its code is damaged: {failed}"

    @property
    def packages(self) -> dict[str, str]:
        return kind_of(self.path).packages_of(self.path)

    @property
    def runtime(self) -> str:
        return kind_of(self.path).runtime


def release(key: str) -> Built:
    return Built(key, configuration().home / "releases" / key)


def build(source: Path = PUB_SOURCE, key: str = "", say: Say = lambda *_: None) -> Built:
    """The release `key` of `source`, by default its first one; built if it does not exist. Raises `BuildFailed`.

    It is built beside its final place and moved there whole, so nobody meets a half-built one. One is built at a time, and the
    copy is checked against the key, because the source may change during the build.
    """
    kind, wanted = kind_of(source), release(key or digest_of(source))
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    with _one_builder(wanted.path.parent / "lock"):
        if not wanted.path.exists():
            for left in wanted.path.parent.glob("*.draft"):
                shutil.rmtree(left, ignore_errors=True)
            draft = _draft_of(wanted.path)
            try:
                _check_room(draft.parent)
                say("copying the source", "")
                shutil.copytree(source, draft, ignore=_left_out(kind))
                if digest_of(draft) != wanted.digest:
                    raise BuildFailed(f"{source} changed while it was copied: try again.")
                installer = Installer(draft, say)
                kind.install(draft, installer)
                _let_be_read(draft)
                installer.finish()
                draft.rename(wanted.path)
            except OSError as error:
                what = f" ({error.filename})" if error.filename else ""
                raise BuildFailed(f"The release cannot be built: {error.strerror}{what}.") from error
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return wanted


def check(source: Path) -> None:
    """Raises `BuildFailed` if `source` is not a folder that a bot can be built from."""
    kind = kind_of(source)
    for name in kind.needed:
        if not (source / name).is_file():
            raise BuildFailed(f"{source} is not a source of a bot: it has no {name}.")
    kind.check(source)


def remove(key: str) -> None:
    """Renamed first: half a release must never be taken for a whole one. If it is a link, only the link is removed."""
    path = release(key).path
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        grave = path.rename(_draft_of(path))
        shutil.rmtree(grave, ignore_errors=True)


def _draft_of(path: Path) -> Path:
    """A new name each time: the installer of a killed builder may still write to the earlier draft for a moment."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}.draft")


def digest_of(source: Path) -> str:
    """SHA-256 over the runtime and over the names and bytes of the source's files. Hexadecimal, 16 digits."""
    kind = kind_of(source)
    total = hashlib.sha256(f"{kind.runtime} {sysconfig.get_platform()}\0".encode())
    for path in sorted(_files(source, kind)):
        content = path.read_bytes()
        total.update(f"{path.relative_to(source).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:16]


Stamp: TypeAlias = frozenset[tuple[str, int, int, int]]
"""For each file of a source its path, its inode, and when it was changed."""


def stamp_of(source: Path) -> Stamp:
    """It differs once a file was added, removed, replaced or written to. Much cheaper than the digest."""
    found = [(str(path), path.stat()) for path in _files(source, kind_of(source))]
    return frozenset((path, seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns) for path, seen in found)


def _files(source: Path, kind: SourceKind) -> Iterator[Path]:
    for path in source.iterdir():
        if is_left_out(path.name, kind):
            continue
        if path.is_dir():
            yield from _files(path, kind)
        else:
            yield path


def _left_out(kind: SourceKind) -> Callable[[str, list[str]], set[str]]:
    return lambda _, names: {name for name in names if is_left_out(name, kind)}


def _let_be_read(folder: Path) -> None:
    """Let every user read the files: in an image a different user runs them. Nothing in a release is secret."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(mode | (READ_AND_RUN if runs else READ))


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM_NEEDED:
        raise BuildFailed(
            f"A build needs {ROOM_NEEDED >> 20} MiB of free disk and there are {free >> 20} MiB at {folder}: "
            "make room and try again."
        )


@contextmanager
def _one_builder(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
