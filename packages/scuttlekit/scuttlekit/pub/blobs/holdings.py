"""The record of the blobs that the pub holds: read from disk once, then updated as blobs come and go."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from scuttlekit.pub.blobs.store import Blob, BlobStore, digest_of
from scuttlekit.pub.store import NotReady, Store
from scuttlekit.pub.store.shelf import Held

PIECE: Final = 500
"""Blobs recorded at a time; this takes some ms."""
LOOK: Final = 10.0
"""Seconds between checks whether the index, and with it this record, was rebuilt."""


class Holdings:
    """Keeps the store's shelf up to date. Keep `run` running for the life of the pub."""

    def __init__(self, blobs: BlobStore, store: Store) -> None:
        self._blobs = blobs
        self._store = store
        self._gone: set[bytes] = set()
        self._counted = -1
        blobs.listen(self._came)
        blobs.listen_to_removals(self._went)

    async def run(self) -> None:
        """Count the blobs, and again whenever the index was rebuilt. Raises OSError."""
        while True:
            await self._store.ready.wait()
            if self._counted != self._store.remade:
                with suppress(NotReady):
                    await self._count()
            await asyncio.sleep(LOOK)

    async def _count(self) -> None:
        remade = self._store.remade
        self._gone.clear()
        with self._store.shelf() as shelf:
            before = shelf.all()
        found = await asyncio.to_thread(lambda: [_held(blob) for blob in self._blobs])
        for start in range(0, len(found), PIECE):
            piece = found[start : start + PIECE]
            with self._store.shelf() as shelf:
                shelf.put([held for held in piece if held[0] not in self._gone])
            await asyncio.sleep(0)
        # These were removed while the pub was down.
        with self._store.shelf() as shelf:
            for digest in before.difference(held[0] for held in found):
                shelf.take(digest)
        self._counted = remade

    def _came(self, blob: str, size: int) -> None:
        digest = digest_of(blob)
        self._gone.discard(digest)
        # While the index is being rebuilt, nothing is recorded: everything is counted afterwards.
        with suppress(NotReady), self._store.shelf() as shelf:
            shelf.put([(digest, size, int(time.time()))])

    def _went(self, blob: str) -> None:
        digest = digest_of(blob)
        self._gone.add(digest)
        with suppress(NotReady), self._store.shelf() as shelf:
            shelf.take(digest)


def _held(blob: Blob) -> Held:
    return digest_of(blob.id), blob.size, int(blob.since)
