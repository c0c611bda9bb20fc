"""Taking a tar apart as it arrives: what a pub needs goes to disk, everything else is skipped, and anything malicious ends it.

Memory is bounded by one chunk and `LONGEST_EXTENSION`; disk by the allowed maximum, with small files counted as the blocks they
take.
"""

import hashlib
import os
import re
import tarfile
from pathlib import Path
from typing import BinaryIO

from scuttlekit.data_folder import ALIASES, GOSSIP, LOG, NOTE, SECRET, SIGN_INS, STATE, STATE_OF_SERVICE

BLOCK = 512
DISK_BLOCK = 4096
LONGEST_EXTENSION = 64 * 1024

EXPORT = "export.json"

_MOST: dict[str, int] = {
    SECRET: 64 * 1024,
    GOSSIP: 16 << 20,
    EXPORT: 64 * 1024,
    NOTE: 64,
    ALIASES: 1 << 20,
    SIGN_INS: 1 << 20,
}
"""Bytes of each small file, at most: more than a pub of ours writes."""

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{2})/([0-9a-f]{62})")

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf": "7z",
    b"age-encryption.org": "age",
    b"-----BEGIN AGE": "age",
}
_NOT_OURS = "It holds {name}, which is {what}: a pub's folder has files only."
_ODD = {
    tarfile.LNKTYPE: "a link",
    tarfile.SYMTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class Rejected(Exception):
    """It is not the folder of a pub; the text says why."""

    def __init__(self, message: str, code: str = "bad_archive") -> None:
        super().__init__(message)
        self.code = code


WHOLE = frozenset({SECRET, LOG})
"""What a pub cannot run without."""


class TarFilter:
    """`feed` it the tar's bytes in any pieces, then `finish`. What it keeps lies below `folder`; `most` is in bytes.

    `needed` are the files that must be there. A `strict` one takes nothing but files of a pub, in no folder of their own,
    where others pass over what they do not need. One for a `move` takes also what is of use to this service alone.
    """

    def __init__(
        self,
        folder: Path,
        most: int,
        *,
        needed: frozenset[str] = WHOLE,
        strict: bool = False,
        move: bool = False,
    ) -> None:
        self._more = (NOTE, *STATE_OF_SERVICE) if move else ()
        self._folder, self._most, self._needed, self._strict = folder, most, needed, strict
        self._came = self._charged = 0
        self._head = bytearray()
        self._first = True
        self._ended = False
        self._name = ""
        self._extension: bytearray | None = None
        self._is_pax = False
        self._left = self._padding = 0
        self._file: BinaryIO | None = None
        self._path = folder
        self._digest: tuple[str, hashlib._Hash] | None = None
        self._top: str | None = None
        self.kept: set[str] = set()
        self.blobs = 0

    def feed(self, data: bytes | bytearray) -> None:
        """Raises `Rejected`, and `OSError` of the disk."""
        self._came += len(data)
        if self._came > self._most:
            raise too_big(self._most)
        view, here = memoryview(data), 0
        while here < len(view):
            if self._ended:
                if any(view[here:]):
                    raise Rejected("Something follows after the end of the tar.")
                return
            if self._left:
                here += self._content(view[here : here + self._left])
            elif self._padding:
                step = min(self._padding, len(view) - here)
                self._padding -= step
                here += step
            else:
                step = min(BLOCK - len(self._head), len(view) - here)
                self._head += view[here : here + step]
                here += step
                if len(self._head) == BLOCK:
                    block, self._head = bytes(self._head), bytearray()
                    self._entry(block)

    def finish(self) -> None:
        """Raises `Rejected` if the tar is not complete, or lacks what a pub cannot run without."""
        if self._first:
            raise Rejected(f"This is {'too short to be' if self._head else 'empty, not'} a tar.")
        if not self._ended:
            raise Rejected("The tar ends too early: it did not arrive completely.")
        for name in (SECRET, LOG):
            if name in self._needed - self.kept:
                raise Rejected(
                    f"There is no {name} in it: a pub's folder holds its secret and flume/log.offset."
                )

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _entry(self, block: bytes) -> None:
        if self._first:
            _check_kind(block)
        if not any(block):
            self._ended, self._first = True, False
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            what = "This is not a tar" if self._first else "The tar is damaged"
            raise Rejected(f"{what}: {error}.") from None
        self._first = False
        if info.size < 0 or self._came - BLOCK + info.size > self._most:
            raise too_big(self._most)
        self._padding = -info.size % BLOCK
        self._left = info.size
        if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE):
            if info.size > LONGEST_EXTENSION:
                raise Rejected("The tar has a header of a size that no pub's folder needs.")
            self._extension = bytearray()
            self._is_pax = info.type != tarfile.GNUTYPE_LONGNAME
        else:
            name, self._name = self._name or info.name, ""
            self._member(info, name)
        if not info.size:
            self._no_content()

    def _member(self, info: tarfile.TarInfo, name: str) -> None:
        shown = repr(name[:60])
        if info.type in _ODD:
            raise Rejected(_NOT_OURS.format(name=shown, what=_ODD[info.type]))
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE):
            raise Rejected(_NOT_OURS.format(name=shown, what="of an unknown kind"))
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
            raise Rejected(f"It holds {shown}, which leads out of its folder.")
        if info.type == tarfile.DIRTYPE:
            if info.size:
                raise Rejected("The tar is damaged: a folder in it has content.")
            return
        top, wanted = ("", parts[0]) if len(parts) == 1 and parts[0] in self._more else _place(parts)
        if self._strict and (wanted is None or wanted == EXPORT or top):
            raise Rejected(f"It holds {shown}, which is not part of a pub.")
        if wanted is None:
            return
        if self._top not in (None, top):
            raise Rejected("It holds the folders of several pubs. Pack only one.")
        self._top = top
        self._open(wanted, info.size)

    def _open(self, name: str, size: int) -> None:
        if name in self.kept:
            raise Rejected(f"It holds {name} twice.")
        if size > _MOST.get(name, size):
            raise Rejected(f"Its {name} is too big to be valid.")
        self._charged += max(DISK_BLOCK, size + -size % DISK_BLOCK)
        if self._charged > self._most:
            raise too_big(self._most)
        blob = _BLOB.fullmatch(name)
        if blob:
            self._digest = (blob[1] + blob[2], hashlib.sha256())
        else:
            self.kept.add(name)
        self._path = self._folder / name
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._file = self._path.open("xb", buffering=0)
        except FileExistsError:
            raise Rejected(f"It holds {name} twice.") from None

    def _content(self, view: memoryview) -> int:
        self._left -= len(view)
        if self._extension is not None:
            self._extension += view
        elif self._file:
            written = 0
            while written < len(view):
                written += self._file.write(view[written:])
            if self._digest:
                self._digest[1].update(view)
        if not self._left:
            self._no_content()
        return len(view)

    def _no_content(self) -> None:
        """The entry is over."""
        if self._extension is not None:
            extension, self._extension = bytes(self._extension), None
            self._pax(extension) if self._is_pax else self._long_name(extension)
            return
        if not self._file:
            return
        if self._digest:
            # Its way to the disk begins now, beside what is still to come. It is not read again here.
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self.close()
        if self._digest:
            (wanted, found), self._digest = self._digest, None
            # A blob that does not match its name is left out: the pub asks its peers for it again.
            if found.hexdigest() == wanted:
                self.blobs += 1
            else:
                self._path.unlink()

    def _long_name(self, data: bytes) -> None:
        self._name = data.rstrip(b"\0").decode("utf-8", "surrogateescape")

    def _pax(self, data: bytes) -> None:
        """Only a name is of interest; anything that would change where or how much is read is a bad sign."""
        while data:
            length, _, _ = data.partition(b" ")
            if not (length.isdigit() and len(length) < 6 and len(length) + 1 < int(length) <= len(data)):  # noqa: PLR2004
                raise Rejected("The tar is damaged: a header in it cannot be read.")
            record = data[len(length) + 1 : int(length)]
            key, _, value = record.rstrip(b"\n").partition(b"=")
            if key in (b"size", b"linkpath") or key.startswith(b"GNU.sparse"):
                raise Rejected("The tar has a header that no pub's folder needs.")
            if key == b"path":
                self._name = value.decode("utf-8", "surrogateescape")
            data = data[int(length) :]


def too_big(most: int) -> Rejected:
    return Rejected(
        f"It is bigger than {most / (1 << 30):.3g} GiB, which is the most that one import may have.",
        "too_big",
    )


def _place(parts: list[str]) -> tuple[str, str | None]:
    """The top folder it is in, if any, and the name below it; None for what no import needs."""
    for depth in (0, 1):
        name = "/".join(parts[depth:])
        if name in (SECRET, *STATE, LOG, EXPORT) or _BLOB.fullmatch(name):
            return "/".join(parts[:depth]), name
    return "", None


def _check_kind(block: bytes) -> None:
    for magic, kind in _PACKED.items():
        if block.startswith(magic):
            raise Rejected(f"This is packed with {kind}. Unpack it first, and upload the tar that is inside.")
