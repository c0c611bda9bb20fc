"""A reader for LevelDB folders, in which Scuttlebutt programs keep data other than messages, such as
ssb-invite's invites.

Nothing is written and no lock is taken, so the caller must make sure that nobody else writes meanwhile.

Sources: https://github.com/google/leveldb/blob/main/doc/log_format.md, doc/table_format.md, and
https://github.com/google/leveldb/blob/main/db/version_edit.cc
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from scuttlekit.errors import InvalidFormat
from scuttlekit.snappy import decompress, read_varint

MAX_BYTES: Final = 16 << 20
"""The most bytes read from a folder, counting its files and their uncompressed content."""

_BLOCK: Final = 32 << 10
_RECORD: Final = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

_COMPARATOR, _LOG, _NEXT_FILE, _LAST_SEQUENCE = 1, 2, 3, 4
_COMPACTED, _REMOVED, _ADDED, _EARLIER_LOG = 5, 6, 7, 9
_DELETION, _VALUE = 0, 1
_SEQUENCE: Final = 8
"""The bytes at the end of a key with its kind, one byte, and its sequence number."""
_BATCH: Final = struct.Struct("<QI")

_FOOTER: Final = 48
_MAGIC: Final = struct.pack("<Q", 0xDB4775248B80FB57)
_TRAILER: Final = struct.Struct("<BI")
_UNCOMPRESSED, _SNAPPY = 0, 1


class _Entry(NamedTuple):
    key: bytes
    sequence: int
    value: bytes | None
    """None if the key was deleted."""


def read(folder: Path) -> dict[bytes, bytes]:
    """Return the latest value of each key.

    As in LevelDB, an incomplete record at the end of a log, left by a killed program, is ignored. Raises
    OSError for disk errors or if a file is missing; InvalidFormat if the folder is damaged or holds more than
    `MAX_BYTES`.
    """
    found: dict[bytes, _Entry] = {}
    for entry in _Folder(folder).entries():
        if entry.key not in found or found[entry.key].sequence <= entry.sequence:
            found[entry.key] = entry
    return {key: entry.value for key, entry in found.items() if entry.value is not None}


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.left = MAX_BYTES

    def entries(self) -> Iterator[_Entry]:
        """Yield all valid entries, older and newer, in no particular order."""
        manifest = self._read("CURRENT").decode(errors="replace").strip()
        if not re.fullmatch("MANIFEST-[0-9]+", manifest):
            raise InvalidFormat(f"{self.path / 'CURRENT'} does not name a manifest")
        version = _Version()
        for record in _records(self._read(manifest), skip=False):
            version.apply(_Fields(record))
        for number in sorted(version.tables):
            yield from self._table(number)
        for path in sorted(self.path.glob("*.log")):
            if path.stem.isdecimal() and version.has_log(int(path.stem)):
                for record in _records(self._read(path.name), skip=True):
                    yield from _batch(record)

    def _read(self, name: str) -> bytes:
        with (self.path / name).open("rb") as file:
            data = file.read(self.left + 1)
        self._spend(len(data))
        return data

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise InvalidFormat(f"{self.path} holds more than {MAX_BYTES} bytes")

    def _table(self, number: int) -> Iterator[_Entry]:
        # Older versions of LevelDB used the other name.
        name = next((n for n in (f"{number:06}.ldb", f"{number:06}.sst") if (self.path / n).exists()), None)
        if name is None:
            raise FileNotFoundError(f"{self.path} has lost the file {number:06}.ldb")
        data = self._read(name)
        if len(data) < _FOOTER or not data.endswith(_MAGIC):
            raise InvalidFormat(f"{name} is not a LevelDB table, or is cut off")
        footer = _Fields(data[-_FOOTER:])
        footer.handle()
        for _, handle in _block(self._contents(data, footer.handle())):
            for key, value in _block(self._contents(data, _Fields(handle).handle())):
                # Keys are prefix-compressed, so a small table may hold long ones.
                self._spend(len(key))
                yield _entry(key, value)

    def _contents(self, data: bytes, handle: tuple[int, int]) -> bytes:
        offset, size = handle
        contents, trailer = data[offset : offset + size], data[offset + size : offset + size + _TRAILER.size]
        if len(trailer) != _TRAILER.size:
            raise InvalidFormat("a table of LevelDB refers to data that does not exist")
        compression, checksum = _TRAILER.unpack(trailer)
        if _masked_crc(contents + trailer[:1]) != checksum:
            raise InvalidFormat("a table of LevelDB is damaged: a checksum is wrong")
        if compression == _SNAPPY:
            contents = decompress(contents, self.left)
        elif compression != _UNCOMPRESSED:
            raise InvalidFormat(
                f"a table of LevelDB is compressed in a way that is unknown here, {compression}"
            )
        self._spend(len(contents))
        return contents


class _Fields:
    """Reads numbers and strings one after another. Raises InvalidFormat if the data ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def number(self) -> int:
        number, self.at = read_varint(self.data, self.at)
        return number

    def cut(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise InvalidFormat("a record of LevelDB ends too early")
        self.at += size
        return piece

    def string(self) -> bytes:
        return self.cut(self.number())

    def handle(self) -> tuple[int, int]:
        return self.number(), self.number()


class _Version:
    """The valid files, after all changes in the manifest."""

    def __init__(self) -> None:
        self.tables: set[int] = set()
        self._log = 0
        self._earlier_log = 0

    def has_log(self, number: int) -> bool:
        return number >= self._log or number == self._earlier_log

    def apply(self, fields: _Fields) -> None:
        while fields:
            kind = fields.number()
            if kind == _LOG:
                self._log = fields.number()
            elif kind == _EARLIER_LOG:
                self._earlier_log = fields.number()
            elif kind in {_NEXT_FILE, _LAST_SEQUENCE}:
                fields.number()
            elif kind == _COMPARATOR:
                fields.string()
            elif kind in {_COMPACTED, _REMOVED, _ADDED}:
                self._apply_to_level(kind, fields)
            else:
                raise InvalidFormat(
                    f"the manifest of LevelDB has an entry of a kind that is unknown here, {kind}"
                )

    def _apply_to_level(self, kind: int, fields: _Fields) -> None:
        fields.number()
        if kind == _COMPACTED:
            fields.string()
        elif kind == _REMOVED:
            self.tables.discard(fields.number())
        else:
            self.tables.add(fields.number())
            fields.number()
            fields.string()
            fields.string()


def _records(data: bytes, *, skip: bool) -> Iterator[bytes]:
    """Yield the records of a log, or of a manifest, which has the same format.

    An incomplete record at the end is not damage. With `skip`, damaged blocks are skipped, as LevelDB does
    when it opens a log; otherwise they raise InvalidFormat.
    """
    at = 0
    parts: list[bytes] = []
    while at + _RECORD.size <= len(data):
        left = _BLOCK - at % _BLOCK - _RECORD.size
        if left < 0:
            at += left + _RECORD.size
            continue
        checksum, size, kind = _RECORD.unpack_from(data, at)
        body = data[at + _RECORD.size : at + _RECORD.size + size]
        is_empty = checksum == size == kind == 0
        if len(body) < size <= left:
            return
        if is_empty or not _is_sound(checksum, kind, body, size <= left) or (kind > _FIRST and not parts):
            if not (is_empty or skip):
                raise InvalidFormat("the manifest of LevelDB is damaged: a checksum is wrong")
            at += _RECORD.size + left
            parts = []
            continue
        at += _RECORD.size + size
        parts = [body] if kind in {_FULL, _FIRST} else [*parts, body]
        if kind in {_FULL, _LAST}:
            yield b"".join(parts)
            parts = []


def _is_sound(checksum: int, kind: int, body: bytes, fits: bool) -> bool:
    return fits and _FULL <= kind <= _LAST and _masked_crc(bytes([kind]) + body) == checksum


def _batch(record: bytes) -> Iterator[_Entry]:
    fields = _Fields(record)
    sequence, _ = _BATCH.unpack(fields.cut(_BATCH.size))
    while fields:
        kind = fields.number()
        if kind not in {_VALUE, _DELETION}:
            raise InvalidFormat(f"a log of LevelDB has an entry of a kind that is unknown here, {kind}")
        yield _Entry(fields.string(), sequence, fields.string() if kind == _VALUE else None)
        sequence += 1


def _block(contents: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a table's block, which ends with an index that we do not need."""
    count = int.from_bytes(contents[-4:], "little")
    fields = _Fields(contents[: max(0, len(contents) - 4 - 4 * count)])
    key = b""
    while fields:
        shared, fresh, size = fields.number(), fields.number(), fields.number()
        if shared > len(key):
            raise InvalidFormat(
                "a table of LevelDB is damaged: a key shares more bytes than the key before it has"
            )
        key = key[:shared] + fields.cut(fresh)
        yield key, fields.cut(size)


def _entry(key: bytes, value: bytes) -> _Entry:
    if len(key) < _SEQUENCE or key[-_SEQUENCE] not in {_VALUE, _DELETION}:
        raise InvalidFormat("a table of LevelDB is damaged: a key has no sequence number")
    sequence = int.from_bytes(key[1 - _SEQUENCE :], "little")
    return _Entry(key[:-_SEQUENCE], sequence, value if key[-_SEQUENCE] == _VALUE else None)


def _crc_table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (_CRC32C if number & 1 else 0)  # noqa: PLW2901
        table.append(number)
    return table


_CRC32C: Final = 0x82F63B78
_TABLE: Final = _crc_table()


def _masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and offset. LevelDB does this because a CRC over data that contains CRCs is unreliable."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
