"""Backups of a pub: everything it needs to start elsewhere, in one tar file. The pub may run meanwhile."""

import io
import tarfile
from pathlib import Path

from scuttlekit.command import settings
from scuttlekit.data_folder import BACKED_UP, BLOBS, LOG, SECRET
from scuttlekit.files import whole_file


def back_up(folder: Path, target: Path, *, with_blobs: bool) -> int:
    """Write the backup atomically, and return its size in bytes. Raises Wrong, OSError.

    Its configuration says that the pub must catch up: messages published after the backup are not in it, and
    reusing their numbers would fork the feed. Everything else in the folder can be rebuilt.
    """
    settings.of(folder)
    with whole_file(target, lasting=True) as file, tarfile.open(fileobj=file, mode="w") as tar:
        _add(tar, settings.FILE, settings.as_backed_up(folder))
        # `sequence` comes before the log: a number without its message would look like a log that lost it.
        for name in BACKED_UP:
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
    """Add the log up to its current end. It only grows, and an incomplete last message is dropped when it is opened."""
    if path.exists():
        with path.open("rb") as log:
            tar.addfile(_entry(LOG, path.stat().st_size), log)


def _add_blobs(tar: tarfile.TarFile, folder: Path) -> None:
    for path in sorted((folder / BLOBS).glob("*/*")):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # It has just been removed.
            continue
        _add(tar, str(path.relative_to(folder)), content)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o400 if name == SECRET else 0o600
    return entry
