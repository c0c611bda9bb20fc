"""The exchange of feeds with one peer by EBT, over one stream."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

import orjson

from scuttlekit import budget
from scuttlekit.ebt import Exchange, read_notes
from scuttlekit.errors import ProtocolError, RemoteError, ScuttlebuttError
from scuttlekit.frames import Frame, Json
from scuttlekit.peer import Peer
from scuttlekit.pub import intake
from scuttlekit.pub.intake import Intake, IntakeResult
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.store import Store
from scuttlekit.streams import Stream

NOTES: Final = 500
"""Notes that are sent at a time."""
PIECE: Final = 100
PIECE_BYTES: Final = 48 << 10
"""Messages of a feed that are sent at a time, and about how many bytes, before another feed has its turn."""

NOTES_HEARD: Final = 2000
"""Notes processed at a time before other tasks run."""

FIRST_WORD: Final = 5.0
"""Seconds to wait for the first frame of a peer that we dialled, which has to speak first."""


class ReplicationSession:
    """The exchange with one peer over one stream."""

    def __init__(
        self,
        exchange: Exchange,
        store: Store,
        limits: Limits,
        turns: asyncio.Lock,
        peer: Peer,
        stream: Stream,
    ) -> None:
        self.peer = peer
        self._turns = turns
        self._exchange = exchange
        self._store = store
        self._limits = limits
        self._stream = stream
        self._work = asyncio.Event()
        self._heard = asyncio.Event()
        self._useless = 0
        self._intake = Intake(store, self._hear_outcome)
        self.remote = exchange.join(peer.id, wake=self._work.set)
        self.has_begun = False
        """Whether the peer sent anything."""
        self.is_fetching = False
        self._fault: Exception | None = None

    async def run(self, *, speaks_first: bool) -> None:
        """Exchange until the peer ends the stream. Raises ScuttlebuttError."""
        sending = asyncio.get_running_loop().create_task(self._send(speaks_first=speaks_first))
        try:
            while frames := await self._stream.take():
                self.has_begun = True
                self._heard.set()
                for piece in intake.slices(frames):
                    async with self._turns:
                        await self._receive(piece)
                    # Let tasks that wait for the socket run too.
                    await asyncio.sleep(0)
                self._intake.keep()
        finally:
            sending.cancel()
            if self._fault is not None:
                raise self._fault

    def end(self, error: ScuttlebuttError) -> None:
        """End the session from our side."""
        self._stream.overflow(error)

    def leave(self) -> None:
        """Stop replicating with the peer, and free the memory."""
        self._exchange.leave(self.remote)
        budget.SHARED.hold(self, 0)

    def weigh(self) -> None:
        """Report to the shared memory budget what this session holds besides its calls."""
        budget.SHARED.hold(self, self.remote.cost)

    def give_up(self, error: ScuttlebuttError) -> None:
        self.end(error)

    async def _send(self, *, speaks_first: bool) -> None:
        """Send notes and wanted messages, as fast as the peer takes them."""
        try:
            if speaks_first:
                # The dialling side waits for our first frame, even if there is nothing to report.
                await self._stream.send(Json(orjson.dumps(self._exchange.take_notes(self.remote, NOTES))))
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._heard.wait(), FIRST_WORD)
            while True:
                await self._send_next()
        except Exception as error:  # noqa: BLE001 - `run` raises it again
            self._fault = error
            self.end(error if isinstance(error, ScuttlebuttError) else RemoteError("replication failed"))

    async def _send_next(self) -> None:
        if notes := self._exchange.take_notes(self.remote, NOTES):
            await self._stream.send(Json(orjson.dumps(notes)))
            return
        # Anything that becomes due from here on sets the event again.
        self._work.clear()
        if not await self._stream.send_read(self._next_texts):
            await self._work.wait()

    def _next_texts(self) -> list[Json]:
        while due := self._exchange.take_due(self.remote):
            if texts := self._texts(due.feed, due.after):
                self._exchange.sent(self.remote, due.feed, due.after + len(texts))
                return texts
        return []

    def _texts(self, feed: str, after: int) -> list[Json]:
        texts: list[Json] = []
        size = 0
        for message in self._store.read_feed(feed, after, PIECE):
            texts.append(Json(message.value_text))
            size += len(texts[-1])
            if size >= PIECE_BYTES:
                break
        return texts

    async def _receive(self, frames: Sequence[Frame]) -> None:
        """Process frames from the peer. Raises ProtocolError, NotReady, OSError."""
        now = asyncio.get_running_loop().time()
        messages: list[dict[str, Any]] = []
        for frame in frames:
            value = intake.parsed(frame.body)
            if intake.is_message(value):
                if self._exchange.wants(value["author"]):
                    messages.append(value)
                else:
                    self._count_useless("unasked")
            elif (notes := read_notes(value, self._limits["clock"])) is not None:
                if len(value) > len(notes):
                    self._limits.refuse("clock")
                for some in _pieces(notes):
                    self._exchange.hear_notes(self.remote, some, now)
                    await asyncio.sleep(0)
            else:
                raise ProtocolError("EBT can only contain messages and notes")
        self._intake.check(messages)

    def _hear_outcome(self, feed: str, sequence: int, outcome: IntakeResult) -> None:
        now = asyncio.get_running_loop().time()
        if outcome is IntakeResult.BAD:
            self._limits.refuse("messages")
            self._exchange.let_down(self.remote, feed, sequence, now)
        else:
            self._exchange.hear_message(self.remote, feed, sequence, now)
        if outcome is IntakeResult.TAKEN:
            self._useless = 0
        else:
            self._count_useless("useless")

    def _count_useless(self, name: str) -> None:
        """Count a useless message. Raises ProtocolError if the peer sent too many in a row."""
        self._limits.refuse(name)
        self._useless += 1
        if self._useless > self._limits["useless"]:
            raise ProtocolError("too many messages in a row were known, invalid or not requested")


def _pieces(notes: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
    """Split notes into pieces of `NOTES_HEARD`."""
    if len(notes) <= NOTES_HEARD:
        yield notes
        return
    left = iter(notes.items())
    while piece := dict(islice(left, NOTES_HEARD)):
        yield piece
