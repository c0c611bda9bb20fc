"""How much of the disk the pub may take in all, and what makes room when that is as much as it may.

Three bounds tell it: `disk` for all of the data folder, `blobs` for all blobs, and `farBlobDays` for how long blobs stay that
nobody near links: neither the pub nor whom it follows. At a bound blobs go first, in this order: those that nobody near
links, the oldest first; then those of the member whose blobs take most, the oldest first. What the pub's own feed links
stays, and a blob that nobody near links takes the place of no other kind. Messages are never removed. When they take three
quarters of the disk that the pub may take, only those of whom the pub follows are taken in, and of a feed that takes a tenth
by itself no more; when they take nearly all of it, none but the pub's own.
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

FOR_BLOBS: Final = 0.95
"""Up to which part of the disk that the pub may take blobs fill what messages leave."""
FOR_FAR: Final = 0.75
FOR_ALL: Final = 0.97
FOR_ONE: Final = 0.1

TICK: Final = 0.5
LOOK: Final = 10.0
"""Seconds between two counts of what is neither log nor blobs: mostly the index."""
SWEEP: Final = 60.0
PIECE: Final = 100
AGAIN: Final = 0.2
"""Seconds until it is looked again for blobs that could go, where there were none."""
FRESH: Final = 5.0
"""Seconds for which it is believed which blobs go next."""
DAY: Final = 24 * 3600


BLOBS: Final = Path("blobs")


class Level(IntEnum):
    """Whose messages are taken in."""

    ALL = 0
    MEMBERS = 1
    """Those of whom the pub follows, as long as they do not take too much by themselves."""
    NONE = 2


class _NextBlobs:
    """Blobs that go next, the first of them last, as it was seen at `since`, in seconds."""

    def __init__(self) -> None:
        self.blobs: list[tuple[bytes, int]] = []
        self.since = float("-inf")


class Quota:
    """Counts what the pub takes, and makes room. `run` it as long as the pub lives."""

    def __init__(self, folder: Path, store: Store, blobs: BlobStore, limits: Limits) -> None:
        self._store = store
        self._blobs = blobs
        self._limits = limits
        self._folder = folder
        self._rest = 0
        self._coming = 0
        self._going = {True: _NextBlobs(), False: _NextBlobs()}
        """What goes next: of those that nobody near links, and of others."""
        self._large: dict[str, int] = {}
        """How many bytes the log has of those who spoke since messages became tight."""
        self._too_large: set[str] = set()
        self._changed: Callable[[], object] = lambda: None
        self.level = Level.ALL
        self.removed_blobs = 0
        self.removed_bytes = 0

    def on_change(self, act: Callable[[], object]) -> None:
        """Have `act` called when it changes whose messages are taken in."""
        self._changed = act

    async def run(self) -> None:
        """Keep to the bounds. Raises OSError."""
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
        """Whether messages of a feed, so many hops away, are taken in now."""
        if self.level is Level.ALL or distance == 0:
            return True
        return self.level is Level.MEMBERS and distance <= 1 and feed not in self._too_large

    def hear(self, sizes: Mapping[str, int]) -> None:
        """Hear of how many bytes were stored of each feed."""
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
            whose = "nobody else" if level is Level.NONE else "whom it follows"
            chatter(
                "warning", f"The disk that the pub may take is filling up: messages of {whose} are taken in."
            )
        self.level = level
        self._large.clear()
        self._too_large = self._store.larger_than(int(FOR_ONE * self._limits["disk"])) if level else set()
        self._changed()

    # Blobs

    @contextmanager
    def coming(self, blob: str, size: int) -> Iterator[bool]:
        """Tell whether a blob of so many bytes has room, which is kept for it until the end."""
        self._coming += size
        try:
            # Only where there is no room it matters who links it.
            yield self._over() <= 0 or self._make_room(far=not self._is_near(blob))
        finally:
            self._coming -= size

    def _is_near(self, blob: str) -> bool:
        with self._store.shelf() as shelf:
            return shelf.is_near(digest_of(blob), self._store.own.id)

    def _over(self) -> int:
        """How many bytes too many there are of blobs, with those that come. Raises NotReady."""
        left = int(FOR_BLOBS * self._limits["disk"]) - self._store.log_size - self._rest
        return self._here() + self._coming - max(0, min(self._limits["blobs"], left))

    def _here(self) -> int:
        with self._store.shelf() as shelf:
            return shelf.total

    def _make_room(self, *, far: bool) -> bool:
        """Remove blobs until all have room, and tell whether they have; for one that nobody near links, none but such."""
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
        """Remove what nobody near links for too long."""
        before = int(time.time()) - self._limits["farBlobDays"] * DAY
        with self._store.shelf() as shelf:
            old = shelf.far(self._store.own.id, PIECE, before=before)
        for blob, size in old:
            self._remove(blob, size)

    async def _look(self) -> None:
        self._rest = await asyncio.to_thread(beside, self._folder, (LOG, BLOBS))

    def figures(self) -> dict[str, Any]:
        """What takes the room, in bytes. Raises NotReady."""
        return {
            "most": self._limits["disk"],
            "mostBlobs": self._limits["blobs"],
            "log": self._store.log_size,
            "blobs": self._here(),
            "rest": self._rest,
            "takes": self.level.name.lower(),
            "removed": {"blobs": self.removed_blobs, "bytes": self.removed_bytes},
        }
