"""Sending what one bot has and the vault lacks, as it grows: from the folder of a bot here, or of one on a machine.

Machines get this file as it is: it needs the standard library, and of `scuttlekit` only what they get as well. Nothing that a
bot puts into its folder leads elsewhere.
"""

import errno
import hashlib
import logging
import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from scuttlekit.data_folder import BLOBS, LOG, SECRET, STATE, STATE_OF_SERVICE
from scuttlekit.folders import entries, opened

log = logging.getLogger("butt.vault")

WAIT = 5.0
"""Seconds until less than a full piece is sent as well."""

PIECE = 1 << 20
"""The most bytes of a log in one thing, except for a single record that is longer."""

LONGEST_PIECE = 3 << 20
SMALL_PIECE, SMALL_PIECES = PIECE // 2, 64
"""Pieces of fewer bytes are merged, at the latest when there are so many in a row."""

LARGEST_BLOB = 64 << 20
LARGEST_SMALL = 1 << 20
"""Bytes of a secret, or of another small file. What is larger is not sent."""

SMALL = {name.removesuffix(".json"): name for name in (*STATE, *STATE_OF_SERVICE)}
"""Small files beside the secret: what each is called in the vault, and in the data folder."""

BLOBS_EVERY, SETTLED = 30.0, 2.0
"""How often blob folders are checked, and how long one must be unchanged before it is no longer read."""

Stamp = tuple[int, int]


class VaultOfBot(Protocol):
    """The vault, for one bot. Each method may raise an error of its own; then nothing is known to have been taken."""

    @property
    def is_full(self) -> bool:
        """Whether nothing but its secret is taken any more."""

    def stored(self) -> Mapping[str, Any]:
        """What the vault has of the bot, as `GET /agents/{minionId}/vault/{botId}` answers."""

    def small(self, what: str, content: bytes) -> None:
        """Put a small file."""

    def log(self, line: str, start: int, data: bytes) -> int:
        """Put the complete records at the beginning of `data`; returns where they end."""

    def merge(self, line: str, start: int, data: bytes) -> int:
        """Merge the pieces that are there and have these bytes; returns where they end."""

    def blob(self, name: str, content: bytes) -> None:
        """Put a blob, whose digest is its name in hexadecimal."""


class _Copy:
    """What is known to be in the vault of one bot. It can be forgotten: the vault's own list tells it again."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.line, self.end = stored["line"], stored["end"]
        self.start, self.digest = stored["start"], stored["digest"]
        self.run_start, self.run = stored.get("runStart", self.end), stored.get("run", 0)
        self.small = {what: stored.get(what, "") for what in (SECRET, *SMALL)}
        self.blobs = {bytes.fromhex(name) for name in stored["blobs"]}
        self.stamps: dict[str, Stamp] = {}
        self.folders: dict[str, int] = {}
        self.pending: float | None = None
        self.blobs_at = -1e9
        self.stuck_at = -1


class BotSender:
    """`data` is the bot's data folder, and `clock` is monotonic, in seconds. `check` may refuse a secret by raising."""

    def __init__(
        self,
        vault: VaultOfBot,
        data: Path | str,
        clock: Callable[[], float] = time.monotonic,
        check: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._vault, self._data, self._clock, self._check = vault, str(data), clock, check
        self._copy: _Copy | None = None

    def send(self) -> None:
        """Send what is due. Raises what the vault raises, and OSError."""
        stamp = self._stamp(SECRET)
        if stamp is None:
            # It has not made its key yet, or has lost its data.
            self._copy = None
            return
        copy = self._copy
        if copy is None or copy.stamps.get(SECRET) != stamp:
            secret = self._read(SECRET, LARGEST_SMALL)
            if secret is None:
                return
            # A folder with another identity, as a bot that lost its data may make, must never look like this bot's.
            self._check(secret)
            copy = self._asked()
            self._send_small(copy, SECRET, secret)
            copy.stamps[SECRET] = stamp
            self._copy = copy
        if self._vault.is_full:
            return
        for what, name in SMALL.items():
            stamp = self._stamp(name)
            if stamp and stamp != copy.stamps.get(what):
                content = self._read(name, LARGEST_SMALL)
                if content is not None:
                    self._send_small(copy, what, content)
                copy.stamps[what] = stamp
        self._send_log(copy)
        if self._copy and self._clock() - copy.blobs_at > BLOBS_EVERY:
            self._send_blobs(copy)
            copy.blobs_at = self._clock()

    def forget(self) -> None:
        """Ask the vault again what it has before anything else is sent."""
        self._copy = None

    def wait(self) -> None:
        """Something is to be sent from now on, and cannot be."""
        if self._copy:
            self._copy.pending = self._copy.pending or self._clock()

    @property
    def behind(self) -> tuple[int, int] | None:
        """How many bytes of the log the vault lacks, and for how many seconds; None if nothing was sent yet."""
        copy = self._copy
        if copy is None:
            return None
        missing = max(0, self._size() - copy.end)
        return missing, round(self._clock() - copy.pending) if missing and copy.pending else 0

    def _asked(self) -> _Copy:
        copy = _Copy(self._vault.stored())
        if not self._goes_on(copy):
            copy.line, copy.end, copy.run_start, copy.run = new_line(), 0, 0, 0
        return copy

    def _goes_on(self, copy: _Copy) -> bool:
        """Whether its log continues what the vault has: it contains exactly the bytes that were sent last."""
        return bool(copy.line) and digest(self._part(copy.start, copy.end - copy.start)) == copy.digest

    def _send_small(self, copy: _Copy, what: str, content: bytes) -> None:
        if copy.small[what] != digest(content):
            self._vault.small(what, content)
            copy.small[what] = digest(content)

    def _send_log(self, copy: _Copy) -> None:
        size = self._size()
        if size < copy.end:
            # This is not the log that was sent: the next round checks anew what continues what.
            self._copy = None
            return
        while size > copy.end:
            copy.pending = copy.pending or self._clock()
            if size - copy.end < PIECE and self._clock() - copy.pending < WAIT:
                return
            end = self._vault.log(
                copy.line, copy.end, self._part(copy.end, min(size - copy.end, LONGEST_PIECE))
            )
            if end == copy.end:
                if size != copy.stuck_at and size - end > LONGEST_PIECE:
                    log.warning("the log in %s is damaged at byte %d", self._data, end)
                copy.stuck_at = size
                return
            copy.end, copy.pending = end, None
            copy.run += 1
            self._merge(copy)

    def _merge(self, copy: _Copy) -> None:
        """Merge the last pieces of its copy as soon as they are many or large: otherwise lists would grow without end."""
        length = copy.end - copy.run_start
        if length < SMALL_PIECE and copy.run < SMALL_PIECES:
            return
        merged = copy.run_start
        if copy.run > 1:
            merged = self._vault.merge(
                copy.line, copy.run_start, self._part(copy.run_start, min(length, PIECE))
            )
        if copy.run_start < merged < copy.end:
            copy.run_start = merged  # The next pieces follow with the next send.
        elif length >= SMALL_PIECE or merged == copy.run_start:
            copy.run_start, copy.run = copy.end, 0
        else:
            copy.run = 1

    def _send_blobs(self, copy: _Copy) -> None:
        """Only folders that changed are read: a bot may have very many blobs, and usually nothing new."""
        for first, changed in self._folders():
            if copy.folders.get(first) == changed:
                continue
            for last in self._blobs(first):
                name = f"{first}{last}"
                if bytes.fromhex(name) in copy.blobs:
                    continue
                content = self._read(f"{BLOBS}/{first}/{last}", LARGEST_BLOB)
                if content is not None and is_blob(name, content):
                    self._vault.blob(name, content)
                    copy.blobs.add(bytes.fromhex(name))
            if time.time() - changed / 1e9 > SETTLED:
                copy.folders[first] = changed

    def _folders(self) -> list[tuple[str, int]]:
        """The folders of blobs, and when each was last changed."""
        found = (entry for entry in entries(f"{self._data}/{BLOBS}") if _is_hexadecimal(entry.name, 2))
        return sorted(
            (entry.name, entry.stat(follow_symlinks=False).st_mtime_ns)
            for entry in found
            if entry.is_dir(follow_symlinks=False)
        )

    def _blobs(self, first: str) -> Iterator[str]:
        """The names of the blobs in one folder, without their first two digits."""
        found = entries(f"{self._data}/{BLOBS}/{first}")
        for entry in sorted(found, key=lambda entry: entry.name):
            if _is_hexadecimal(entry.name, 62) and entry.is_file(follow_symlinks=False):
                yield entry.name

    def _read(self, name: str, most: int) -> bytes | None:
        """A file's content; None if it is gone or larger than `most` bytes."""
        file = opened(self._data, name)
        if file is None:
            return None
        with file:
            size = os.fstat(file.fileno()).st_size
            return file.read(size) if size <= most else None

    def _part(self, start: int, length: int) -> bytes:
        """Bytes of the log; none if there is none."""
        file = opened(self._data, LOG)
        if file is None:
            return b""
        with file:
            return os.pread(file.fileno(), length, start)

    def _size(self) -> int:
        seen = self._seen(LOG)
        return seen.st_size if seen and stat.S_ISREG(seen.st_mode) else 0

    def _stamp(self, name: str) -> Stamp | None:
        """A value that changes when the file does; None if there is none. Raises OSError if it is no file."""
        seen = self._seen(name)
        if seen is None:
            return None
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, f"{name} is not a regular file")
        return seen.st_mtime_ns, seen.st_ino

    def _seen(self, name: str) -> os.stat_result | None:
        """The file is not read, so a link does not matter."""
        try:
            return os.stat(f"{self._data}/{name}", follow_symlinks=False)  # noqa: PTH116 - looked at every second
        except FileNotFoundError:
            return None


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def is_blob(name: str, content: bytes) -> bool:
    """Whether the content matches its name."""
    return hashlib.sha256(content).hexdigest() == name


def new_line() -> str:
    """The name of a log that does not continue the one in the vault."""
    return f"{time.time_ns() // 1_000_000:013d}-{uuid.uuid4().hex[:8]}"


def _is_hexadecimal(name: str, length: int) -> bool:
    return len(name) == length and not set(name) - set("0123456789abcdef")
