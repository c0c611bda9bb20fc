"""Releases on offer: what Salt's file server hands to machines, which make their image of it."""

import fcntl
import tarfile
from pathlib import Path

from butt.configuration import configuration
from butt.hosts.interface import HostTrouble
from butt.machines.models import Placement
from butt.sources.kinds import kind_of
from butt.sources.releases import release


def offer(digest: str) -> None:
    """Have the release among the files that every machine may read."""
    folder = configuration().home / "salt" / "files" / "releases"
    made = folder / f"{digest}.tar.gz"
    if made.exists():
        return
    source = release(digest).path
    if not source.is_dir():
        raise HostTrouble(f"the release {digest} is not there; it has to be built first")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _withdraw(folder)
            _pack(source.resolve(), made)


def _withdraw(folder: Path) -> None:
    """Those that no bot runs any more. Should one come back to it, it is packed again."""
    rows = Placement.objects.values_list("order__release", "order__previous")
    used = {release for row in rows for release in row}
    for path in folder.glob("*.tar.gz"):
        if path.name.removesuffix(".tar.gz") not in used:
            path.unlink(missing_ok=True)


def _pack(source: Path, made: Path) -> None:
    draft, tied = made.with_name(f".{made.name}.draft"), kind_of(source).tied
    with tarfile.open(draft, "w:gz", compresslevel=3) as tar:
        for path in sorted(source.iterdir()):
            tar.add(path, path.name, filter=lambda entry: None if entry.name in tied else _plain(entry))
    draft.replace(made)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's, and readable by all: in the image it runs as another user."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
