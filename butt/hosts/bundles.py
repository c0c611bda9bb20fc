"""Making bundles of a bot's folder, even while the bot writes to it.

The length of the log is fixed first and the blobs are listed after it, so every blob that a message in the bundle could have
come with is in the bundle as well.
"""

import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import BinaryIO

from butt.exports.bundle import DataSizes, ExportBundle, ExportPart, FileGone, Item
from butt.exports.tar import END, entry_size
from butt.hosts.interface import Folder
from butt.hosts.pub_state import id_in
from scuttlekit.data_folder import BLOBS, GOSSIP, LOG, NOTE, SECRET, STATE, STATE_OF_SERVICE
from scuttlekit.folders import descriptor, opened
from scuttlekit.offsetlog import survey

CHUNK = 1 << 20
HELD = 4 << 20
"""The most bytes of one blob that are held in memory."""

NO_PEERS = b"[]\n"

_DIGEST = re.compile(r"[0-9a-f]{62}")
_FIRST = re.compile(r"[0-9a-f]{2}")
_ENTRY = 32 + 8


def sizes(folder: Folder) -> DataSizes:
    found = _Blobs(folder)
    return DataSizes(
        secret=_size_of(folder, SECRET),
        gossip=_size_of(folder, GOSSIP),
        log=_size_of(folder, LOG),
        blobs=found.count,
        blobs_size=found.size,
    )


def bundle(folder: Folder, part: ExportPart, author: str = "") -> ExportBundle:
    """`author` says whose folder it is when the secret is not there to tell."""
    return _PARTS[part](folder, author)


def _secret(folder: Folder, _: str) -> ExportBundle:
    return _of_files([_item(SECRET, file) for file in [opened(folder.data, SECRET)] if file])


def _gossip(folder: Folder, _: str) -> ExportBundle:
    """A pub that knows no peers yet has no such file, which means the same as an empty list."""
    file = opened(folder.data, GOSSIP) or io.BytesIO(NO_PEERS)
    return _of_files([_item(GOSSIP, file)])


def _log(folder: Folder, author: str) -> ExportBundle:
    file = opened(folder.data, LOG) or io.BytesIO()
    author = id_in(folder) or author
    found = survey(file, _size(file), author)
    item = Item(LOG, found.whole, partial(_chunks, file, found.whole))
    return ExportBundle([item], 1, found.whole, END + entry_size(found.whole), found, author)


def _blobs(folder: Folder, _: str) -> ExportBundle:
    found = _Blobs(folder)
    return ExportBundle(
        found, found.count, found.size, END + found.tar_size, blobs=found.count, blobs_size=found.size
    )


def _all(folder: Folder, _: str) -> ExportBundle:
    return _everything(folder, ())


def moving(folder: Folder) -> ExportBundle:
    """All that goes along when the bot moves within this service: what is exported, and what is of use here alone."""
    return _everything(folder, (NOTE, *STATE_OF_SERVICE))


def _everything(folder: Folder, more: tuple[str, ...]) -> ExportBundle:
    # The note of the latest message comes before the log: a note without its message looks like a log that lost it.
    small = _small(folder, (*(name for name in STATE if name != GOSSIP), *more))
    bundles = [part(folder, "") for part in (_log, _secret, _gossip, _blobs)]
    return ExportBundle(
        (item for each in (*bundles[1:3], small, bundles[0], bundles[3]) for item in each.items),
        sum(each.count for each in (*bundles, small)),
        sum(each.size for each in (*bundles, small)),
        END + sum(each.tar_size - END for each in (*bundles, small)),
        bundles[0].survey,
        bundles[0].author,
        bundles[3].blobs,
        bundles[3].blobs_size,
    )


def _small(folder: Folder, names: tuple[str, ...]) -> ExportBundle:
    return _of_files([_item(name, file) for name in names if (file := opened(folder.data, name))])


_PARTS: dict[ExportPart, Callable[[Folder, str], ExportBundle]] = {
    ExportPart.SECRET: _secret,
    ExportPart.GOSSIP: _gossip,
    ExportPart.LOG: _log,
    ExportPart.BLOBS: _blobs,
    ExportPart.ALL: _all,
}


class _Blobs:
    """The blobs in the folder, at 40 bytes of memory each. Each one is checked again when it is read."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._known = bytearray()
        self.count = self.size = self.tar_size = 0
        for first in _folders(folder):
            self._list(first)

    def __iter__(self) -> Iterator[Item]:
        for at in range(0, len(self._known), _ENTRY):
            digest = self._known[at : at + 32].hex()
            size = int.from_bytes(self._known[at + 32 : at + _ENTRY])
            yield Item(f"{BLOBS}/{digest[:2]}/{digest[2:]}", size, partial(_blob, self._folder, digest, size))

    def _list(self, first: str) -> None:
        place = descriptor(self._folder.data, f"{BLOBS}/{first}", os.O_DIRECTORY)
        if place is None:
            return
        try:
            for name in sorted(name for name in os.listdir(place) if _DIGEST.fullmatch(name)):  # noqa: PTH208 - by descriptor
                with suppress(FileNotFoundError):
                    found = os.stat(name, dir_fd=place, follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        self._note(bytes.fromhex(first + name), found.st_size)
        finally:
            os.close(place)

    def _note(self, digest: bytes, size: int) -> None:
        self._known += digest + size.to_bytes(8)
        self.count += 1
        self.size += size
        self.tar_size += entry_size(size)


def _folders(folder: Folder) -> list[str]:
    """The blob folders that exist: a new bot has few."""
    place = descriptor(folder.data, BLOBS, os.O_DIRECTORY)
    if place is None:
        return []
    try:
        return sorted(name for name in os.listdir(place) if _FIRST.fullmatch(name))  # noqa: PTH208 - by descriptor
    finally:
        os.close(place)


def _blob(folder: Folder, digest: str, size: int) -> Iterator[bytes]:
    """A blob is included only if its content matches its name: a small one is read once, a large one twice."""
    file = opened(folder.data, f"{BLOBS}/{digest[:2]}/{digest[2:]}")
    if file is None:
        raise FileGone
    kept, total = list[bytes](), hashlib.sha256()
    for chunk in _chunks(file, size):
        total.update(chunk)
        if size <= HELD:
            kept.append(chunk)
    if total.hexdigest() != digest or _size(file) != size:
        file.close()
        raise FileGone
    if size > HELD:
        return _chunks(file, size)
    file.close()
    return iter(kept)


def _of_files(items: list[Item]) -> ExportBundle:
    return ExportBundle(
        items,
        len(items),
        sum(item.size for item in items),
        END + sum(entry_size(item.size) for item in items),
    )


def _item(name: str, file: BinaryIO) -> Item:
    size = _size(file)
    return Item(name, size, partial(_chunks, file, size))


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The first `size` bytes of an open file; fewer only if it shrank."""
    file.seek(0)
    while size and (chunk := file.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _size_of(folder: Folder, name: str) -> int:
    number = descriptor(folder.data, name)
    if number is None:
        return 0
    try:
        return os.fstat(number).st_size
    finally:
        os.close(number)
