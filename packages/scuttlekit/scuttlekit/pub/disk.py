"""Disk usage of a folder."""

import os
from collections.abc import Collection
from pathlib import Path

from scuttlekit.folders import entries


class DiskUsage:
    """Counts the bytes below a folder. Blobs never change, so a blob folder is re-read only when one came or went."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._blobs = str(folder / "blobs" / "sha256")
        self._known: dict[str, tuple[int, int]] = {}
        self.bytes: int | None = None
        """The last count, None before the first."""

    def count(self) -> None:
        """Count again. May be called in another thread, since the disk is slow."""
        self.bytes = self._below(self._folder)

    def _below(self, folder: str) -> int:
        if os.path.dirname(folder) == self._blobs:  # noqa: PTH120 - of thousands of folders
            return self._blobs_in(folder)
        total = 0
        for entry in entries(folder):
            total += self._below(entry.path) if entry.is_dir(follow_symlinks=False) else _size(entry)
        return total

    def _blobs_in(self, folder: str) -> int:
        try:
            changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 - of thousands of folders
        except OSError:
            return 0
        known = self._known.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        total = sum(map(_size, entries(folder)))
        self._known[folder] = (changed, total)
        return total


def beside(folder: Path, left_out: Collection[Path]) -> int:
    """Count the bytes in a folder, except in the files or folders `left_out`, which are relative to it."""
    return _beside(str(folder), {str(folder / path) for path in left_out})


def _beside(folder: str, left_out: Collection[str]) -> int:
    total = 0
    for entry in entries(folder):
        if entry.path not in left_out:
            is_folder = entry.is_dir(follow_symlinks=False)
            total += _beside(entry.path, left_out) if is_folder else _size(entry)
    return total


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
