"""The blob calls: `blobs.has`, `blobs.get` and the rest of ssb-blobs."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Final

from scuttlekit.errors import RemoteError
from scuttlekit.peer import Peer
from scuttlekit.pub.blobs.exchange import BlobExchange
from scuttlekit.pub.blobs.store import Blob, BlobStore, is_blob_id
from scuttlekit.pub.calls.options import is_true, number_in, options_in
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.monthly import NO_TRAFFIC
from scuttlekit.serving import Handlers, SourceHandler, StreamHandler
from scuttlekit.streams import Stream

CHUNK: Final = 64 << 10
"""Bytes of a blob that are sent at a time."""

MOST_ASKED: Final = 200
"""The most blobs that one call may ask for."""


class BlobCalls:
    """Answers the blob calls. No blob is sent while `is_saving`."""

    def __init__(
        self, store: BlobStore, exchange: BlobExchange, limits: Limits, is_saving: Callable[[], bool]
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._limits = limits
        self._is_saving = is_saving

    def handlers(self) -> Handlers:
        return {
            "blobs.has": self._has,
            "blobs.size": self._size,
            "blobs.get": SourceHandler(self._get),
            "blobs.getSlice": SourceHandler(self._get_slice),
            "blobs.changes": SourceHandler(self._changes),
            "blobs.createWants": SourceHandler(self._create_wants),
            "blobs.ls": SourceHandler(self._ls),
            "blobs.add": StreamHandler(self._add),
            "blobs.rm": self._remove,
            "blobs.want": self._want,
            "blobs.push": self._push,
        }

    async def _has(self, peer: Peer, asked: Any = None, *_: Any) -> Any:
        """Whether the pub has a blob, or each blob of a list. As in ssb-blobs, asking for a missing blob wants it."""
        if not isinstance(asked, list):
            return self._exchange.asks(peer, _blob_in(asked)) is not None
        if len(asked) > MOST_ASKED:
            raise RemoteError(f"at most {MOST_ASKED} blobs may be asked for at once")
        return [self._exchange.asks(peer, _blob_in(blob)) is not None for blob in asked]

    async def _size(self, _peer: Peer, asked: Any = None, *_: Any) -> int | None:
        return self._store.size(_blob_in(asked))

    def _get(self, _peer: Peer, asked: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        return self._part(asked, 0, None)

    def _get_slice(self, _peer: Peer, asked: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        given = options_in(asked)
        start, end = _place_in(given, "start", 0), _place_in(given, "end", None)
        if end is not None and end < (start or 0):
            raise RemoteError("a part of a blob must end after its start")
        return self._part(asked, start or 0, end)

    async def _part(self, asked: Any, start: int, end: int | None) -> AsyncGenerator[Any, None]:
        blob, given = _blob_in(asked), options_in(asked)
        size = self._store.size(blob)
        if size is None:
            raise RemoteError(f"the pub does not have {blob}")
        most, expected = number_in(given, "max"), number_in(given, "size")
        if most is not None and size > most:
            raise RemoteError(f"the blob has {size} bytes, more than the {most} that are wanted")
        if expected is not None and size != expected:
            raise RemoteError(f"the blob has {size} bytes, not {expected}")
        with suppress(FileNotFoundError):
            position, end = start, size if end is None else min(end, size)
            while position < end:
                if self._is_saving():
                    raise RemoteError(NO_TRAFFIC)
                # Opened for each chunk, so that a stalled reader does not keep a file open.
                chunk = self._read(blob, position, min(CHUNK, end - position))
                if not chunk:
                    return
                yield chunk
                position += len(chunk)

    def _read(self, blob: str, position: int, size: int) -> bytes:
        file = self._store.open(blob)
        if file is None:
            return b""
        with file:
            file.seek(position)
            return file.read(size)

    async def _changes(self, _peer: Peer, *_: Any) -> AsyncGenerator[Any, None]:
        news: asyncio.Queue[str] = asyncio.Queue(MOST_ASKED)

        def hear(blob: str, _size: int) -> None:
            # A peer that does not keep up misses the rest.
            with suppress(asyncio.QueueFull):
                news.put_nowait(blob)

        stop = self._store.listen(hear)
        try:
            while True:
                yield await news.get()
        finally:
            stop()

    def _create_wants(self, peer: Peer, *_: Any) -> AsyncGenerator[Any, None]:
        return self._exchange.tell(peer)

    async def _ls(self, _peer: Peer, asked: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        given = options_in(asked)
        with_size = is_true(given, "meta") or is_true(given, "long")
        for number, blob in enumerate(self._store):
            if not number % MOST_ASKED:
                await asyncio.sleep(0)
            yield _shown(blob) if with_size else blob.id

    async def _add(self, _peer: Peer, stream: Stream, asked: Any = None, *_: Any) -> None:
        wanted = None if asked is None or isinstance(asked, dict) else _blob_in(asked)
        with self._store.draft(wanted, self._limits["ownBlob"]) as draft:
            async for chunk in stream:
                draft.write(chunk)
            await draft.file()

    async def _remove(self, _peer: Peer, asked: Any = None, *_: Any) -> bool:
        self._store.remove(_blob_in(asked))
        return True

    async def _want(self, _peer: Peer, asked: Any = None, *_: Any) -> bool:
        await self._exchange.want(_blob_in(asked))
        return True

    async def _push(self, _peer: Peer, asked: Any = None, *_: Any) -> bool:
        self._exchange.push(_blob_in(asked))
        return True


def _blob_in(asked: Any) -> str:
    """Get the blob id, given alone or under one of the names that clients use. Raises RemoteError."""
    given = options_in(asked)
    blob = asked if isinstance(asked, str) else given.get("id") or given.get("hash") or given.get("key")
    if not is_blob_id(blob):
        raise RemoteError("give a blob id, such as &….sha256")
    return str(blob)


def _place_in(given: Any, name: str, default: int | None) -> int | None:
    value = number_in(given, name)
    if value is None:
        return default
    if not 0 <= value < 1 << 53 or value != int(value):
        raise RemoteError(f"{name} must be a whole number of bytes")
    return int(value)


def _shown(blob: Blob) -> dict[str, Any]:
    return {"id": blob.id, "size": blob.size, "ts": blob.since * 1000}
