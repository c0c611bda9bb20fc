"""A backup of a pub: all that it needs to start elsewhere, in one tar file. The pub may run meanwhile."""

import io
import tarfile
from pathlib import Path
from typing import Final

from scuttlekit.command import settings
from scuttlekit.files import whole_file

LOG: Final = "flume/log.offset"
SMALL: Final = ("secret", "sequence", "gossip.json", "limits.json", "offers.json")
BLOBS: Final = "blobs/sha256"


def back_up(folder: Path, target: Path, *, with_blobs: bool) -> int:
    """Write the backup, and give its size in bytes. It is whole, or it is not there. Raises Wrong, OSError.

    The configuration in it says that the pub must catch up: what it publishes after the backup is not in it, and to use
    those numbers again would fork its feed. All else in the folder can be made again.
    """
    settings.of(folder)
    with whole_file(target, lasting=True) as file, tarfile.open(fileobj=file, mode="w") as tar:
        _add(tar, settings.FILE, settings.as_backed_up(folder))
        # The note of the latest message comes before the log: a note without its message looks like a log that lost it.
        for name in SMALL:
            if (folder / name).exists():
                _add(tar, name, (folder / name).read_bytes())
        _add_log(tar, folder / LOG)
        if with_blobs:
            _add_blobs(tar, folder)
    return target.stat().st_size


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = _entry(name, len(content))
    tar.addfile(entry, io.BytesIO(content))


def _add_log(tar: tarfile.TarFile, path: Path) -> None:
    """The log as far as it goes now: it only grows, and a last message that is cut is left out when it is opened."""
    if path.exists():
        with path.open("rb") as log:
            tar.addfile(_entry(LOG, path.stat().st_size), log)


def _add_blobs(tar: tarfile.TarFile, folder: Path) -> None:
    for path in sorted((folder / BLOBS).glob("*/*")):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # It was removed just now.
            continue
        _add(tar, str(path.relative_to(folder)), content)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o400 if name == "secret" else 0o600
    return entry
