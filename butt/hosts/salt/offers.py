"""Releases on offer: Salt's file server hands them to machines, which build their images from them."""

import fcntl
import tarfile
from pathlib import Path

from butt.configuration import configuration
from butt.hosts.interface import HostTrouble
from butt.machines.models import Placement
from butt.sources.kinds import kind_of
from butt.sources.releases import release


def offer(digest: str) -> None:
    """Put the release among the files that every machine may read."""
    made = _offered(digest)
    folder = made.parent
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


def is_offered(digest: str) -> bool:
    return _offered(digest).exists()


def _offered(digest: str) -> Path:
    return configuration().home / "salt" / "files" / "releases" / f"{digest}.tar.gz"


def _withdraw(folder: Path) -> None:
    """Remove releases that no bot runs any more. If a bot returns to one, it is packed again."""
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
    """Owned by root and readable by everyone, because the image runs it as another user."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
