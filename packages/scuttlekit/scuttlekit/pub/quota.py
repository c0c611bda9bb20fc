"""The pub's disk quota, and what makes room when it is reached.

Three bounds apply: `disk` for the whole data folder, `blobs` for all blobs, and `farBlobDays` for how long
far blobs stay, those linked neither by the pub nor by anybody it follows. At a bound, blobs are removed in
this order: far blobs, the oldest first; then those of the member whose blobs take the most space, the oldest
first. Blobs that the pub's own feed links stay, and a far blob only replaces other far blobs. Messages are
never removed. When they fill three quarters of `disk`, only messages of feeds that the pub follows are
accepted, except feeds that take a tenth of `disk` by themselves. When messages fill nearly all of it, only
the pub's own are accepted. A blob counts as what it takes of the disk: whole blocks, however small it is.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from scuttlekit.pub.blobs import BlobStore
from scuttlekit.pub.blobs.store import blob_id, digest_of
from scuttlekit.pub.disk import beside
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.log import chatter
from scuttlekit.pub.store import LOG, NotReady, Store
from scuttlekit.pub.store.shelf import on_disk

FOR_BLOBS: Final = 0.95
"""Blobs may fill the folder up to this share of `disk`, with log and index counted in."""
FOR_FAR: Final = 0.75
FOR_ALL: Final = 0.97
FOR_ONE: Final = 0.1

TICK: Final = 0.5
LOOK: Final = 10.0
"""Seconds between counts of everything but log and blobs, which is mostly the index."""
SWEEP: Final = 60.0
PIECE: Final = 100
AGAIN: Final = 0.2
"""Seconds until removable blobs are searched for again after none were found."""
FRESH: Final = 5.0
"""Seconds for which the list of blobs to remove next is valid."""
DAY: Final = 24 * 3600


BLOBS: Final = Path("blobs")


class Level(IntEnum):
    """Whose messages are accepted."""

    ALL = 0
    MEMBERS = 1
    """Those of feeds that the pub follows, unless a feed takes too much by itself."""
    NONE = 2


class _NextBlobs:
    """The blobs to remove next, in reverse order, as of `since`, in seconds."""

    def __init__(self) -> None:
        self.blobs: list[tuple[bytes, int]] = []
        self.since = float("-inf")


class Quota:
    """Tracks disk use, and makes room. Keep `run` running for the life of the pub."""

    def __init__(self, folder: Path, store: Store, blobs: BlobStore, limits: Limits) -> None:
        self._store = store
        self._blobs = blobs
        self._limits = limits
        self._folder = folder
        self._rest = 0
        self._coming = 0
        self._going = {True: _NextBlobs(), False: _NextBlobs()}
        """What is removed next: far blobs under True, others under False."""
        self._large: dict[str, int] = {}
        """The log bytes of each feed that was added to since space for messages became tight."""
        self._too_large: set[str] = set()
        self._changed: Callable[[], object] = lambda: None
        self.level = Level.ALL
        self.removed_blobs = 0
        self.removed_bytes = 0

    def on_change(self, act: Callable[[], object]) -> None:
        """Call `act` when it changes whose messages are accepted."""
        self._changed = act

    async def run(self) -> None:
        """Enforce the bounds. Raises OSError."""
        await self._store.ready.wait()
        looked = swept = float("-inf")
        while True:
            now = time.monotonic()
            if now >= looked + LOOK:
                looked = now
                await self._look()
            try:
                if now >= swept + SWEEP:
                    swept = now
                    self._sweep()
                self._weigh()
                self._make_room(far=False)
            except NotReady:
                await self._store.ready.wait()
            await asyncio.sleep(TICK)

    # Messages

    def may_grow(self, feed: str, distance: int) -> bool:
        """Whether messages of a feed that is `distance` hops away are accepted now."""
        if self.level is Level.ALL or distance == 0:
            return True
        return self.level is Level.MEMBERS and distance <= 1 and feed not in self._too_large

    def hear(self, sizes: Mapping[str, int]) -> None:
        """Take note of how many bytes were stored for each feed."""
        with suppress(NotReady):
            self._hear(sizes)

    def _hear(self, sizes: Mapping[str, int]) -> None:
        level = self.level
        known = len(self._too_large)
        if level is not Level.ALL:
            most = FOR_ONE * self._limits["disk"]
            for feed, size in sizes.items():
                before = self._large.get(feed)
                self._large[feed] = self._store.bytes_of(feed) if before is None else before + size
                if self._large[feed] > most and feed not in self._too_large:
                    self._too_large.add(feed)
                    self._limits.refuse("disk")
        self._weigh()
        if self.level is level and len(self._too_large) != known:
            self._changed()

    def _weigh(self) -> None:
        share = (self._store.log_size + self._rest) / max(self._limits["disk"], 1)
        level = Level.NONE if share >= FOR_ALL else Level.MEMBERS if share >= FOR_FAR else Level.ALL
        if level is self.level:
            return
        if level > self.level:
            self._limits.refuse("disk")
            whose = "from nobody else" if level is Level.NONE else "only from people it follows"
            chatter("warning", f"The pub has nearly used up its disk, and accepts messages {whose}.")
        self.level = level
        self._large.clear()
        self._too_large = self._store.larger_than(int(FOR_ONE * self._limits["disk"])) if level else set()
        self._changed()

    # Blobs

    @contextmanager
    def coming(self, blob: str, size: int) -> Iterator[bool]:
        """Yield whether there is room for a blob of `size` bytes. The room is reserved within the `with` block."""
        taken = on_disk(size)
        self._coming += taken
        try:
            # Who links the blob only matters if there is no room.
            yield self._over() <= 0 or self._make_room(far=not self._is_near(blob))
        finally:
            self._coming -= taken

    def _is_near(self, blob: str) -> bool:
        with self._store.shelf() as shelf:
            return shelf.is_near(digest_of(blob), self._store.own.id)

    def _over(self) -> int:
        """By how many bytes blobs, including incoming ones, exceed their bounds. Raises NotReady."""
        left = int(FOR_BLOBS * self._limits["disk"]) - self._store.log_size - self._rest
        return self._here() + self._coming - max(0, min(self._limits["blobs"], left))

    def _here(self) -> int:
        with self._store.shelf() as shelf:
            return shelf.total

    def _make_room(self, *, far: bool) -> bool:
        """Remove blobs until the rest fit, and return whether they do. With `far`, only far blobs are removed."""
        while self._over() > 0:
            if not (self._remove_next(far=True) or (not far and self._remove_next(far=False))):
                self._limits.refuse("blobs")
                return False
        return True

    def _remove_next(self, *, far: bool) -> bool:
        going, now = self._going[far], time.monotonic()
        if not going.blobs and now <= going.since + AGAIN:
            return False
        if not going.blobs or now > going.since + FRESH:
            own, going.since = self._store.own.id, now
            with self._store.shelf() as shelf:
                going.blobs = (shelf.far(own, PIECE) if far else shelf.of_largest(own, PIECE))[::-1]
            if not going.blobs:
                return False
        self._remove(*going.blobs.pop())
        return True

    def _remove(self, blob: bytes, size: int) -> None:
        self._blobs.remove(blob_id(blob))
        self.removed_blobs += 1
        self.removed_bytes += size

    def _sweep(self) -> None:
        """Remove far blobs that are older than `farBlobDays`."""
        before = int(time.time()) - self._limits["farBlobDays"] * DAY
        with self._store.shelf() as shelf:
            old = shelf.far(self._store.own.id, PIECE, before=before)
        for blob, size in old:
            self._remove(blob, size)

    async def _look(self) -> None:
        self._rest = await asyncio.to_thread(beside, self._folder, (LOG, BLOBS))

    def figures(self) -> dict[str, Any]:
        """What takes up the space, in bytes. Raises NotReady."""
        return {
            "most": self._limits["disk"],
            "mostBlobs": self._limits["blobs"],
            "log": self._store.log_size,
            "blobs": self._here(),
            "rest": self._rest,
            "takes": self.level.name.lower(),
            "removed": {"blobs": self.removed_blobs, "bytes": self.removed_bytes},
        }
