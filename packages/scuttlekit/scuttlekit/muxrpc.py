"""muxrpc on one connection: many concurrent calls and streams, in both directions, over plain bytes.

muxrpc has no flow control of its own, only the socket's. A slow reader is handled as follows:

- Bytes that no reader has taken yet are counted. Above `PAUSE_ABOVE`, we stop reading the socket, and the peer
  waits.
- We go on reading if somebody waits for an answer or for another stream. Otherwise a reader that makes a call
  on the same connection before it takes the next value would wait for ever. Its answer comes after everything
  under way, some 5 to 10 MiB on a fast stream: room for one such call, but not for one per value. A reader
  that uses `Stream.take` does not depend on other calls, so what it has not taken always holds the socket back.
- Above `MAX_QUEUED`, the stream that holds the most is ended with ConsumerTooSlow. Memory is bounded
  either way.
- Our own sending waits for the socket, so it never piles up. Answers to a peer that does not read them do:
  above `MAX_BACKLOG`, the connection is ended.
- What all connections of the process hold together is bounded too, see `budget`.
"""

# ruff: noqa: ASYNC109 - our own timeout raises our own error, which says what did not answer

import asyncio
import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from scuttlekit import budget
from scuttlekit.errors import (
    CallTimeout,
    ConnectionLost,
    ConsumerTooSlow,
    Goodbye,
    ProtocolError,
    ScuttlebuttError,
)
from scuttlekit.frames import Frame, FrameDecoder, encode
from scuttlekit.streams import Stream, remote_error

PAUSE_ABOVE = 256 << 10
MAX_QUEUED = 16 << 20
MAX_BACKLOG = 4 << 20
MAX_THEIR_STREAMS = 256
"""How many streams a peer may have open, including refused ones that it has not ended yet."""

CALL_COST = 8 << 10
"""Memory in bytes for a call or stream that is being answered, besides its data."""
WAIT_COST = 2 << 10
"""Memory in bytes for a call that waits for its turn or for the peer's answer."""

_WEIGHED = 4 << 10
"""Smaller changes in what a connection holds are not reported to the budget."""

_LAST_NUMBER = (1 << 31) - 1


class Wire(Protocol):
    """The connection, as muxrpc needs it."""

    def write(self, data: bytes) -> None: ...

    def backlog(self) -> int:
        """Return how many written bytes the socket has not taken yet."""

    def hold(self, held: bool) -> None:
        """Pause or resume reading from the peer."""

    async def drain(self) -> None:
        """Wait until the socket accepts more data, or the connection is gone."""

    def hear_goodbye(self) -> None:
        """React to the peer's goodbye."""

    def fail(self, error: ScuttlebuttError) -> None:
        """End the connection at once with an error."""


class CallHandler(Protocol):
    """Answers the peer's requests."""

    def receive(self, session: "Session", frame: Frame) -> None:
        """Process a frame that starts a call or stream of the peer."""

    def stop(self) -> None:
        """Stop all calls and streams that are being answered."""

    @property
    def answering(self) -> int:
        """How many calls and streams are being answered."""

    @property
    def waiting(self) -> int:
        """How many calls wait to be answered."""

    @property
    def is_busy(self) -> bool:
        """Whether no more calls should be read for now. When that ends, it calls the session's `hear_room`."""


class Session:
    """The calls and streams of one connection."""

    __slots__ = ("_budget", "_calls", "_decoder", "_held", "_last", "_queued", "_reason", "_receiving", "_service", "_streams", "_theirs", "_unsent", "_waiting", "_weight", "_wire")  # fmt: skip

    def __init__(self, wire: Wire, service: CallHandler, room: budget.Budget = budget.SHARED) -> None:
        self._wire = wire
        self._service = service
        self._budget = room
        self._decoder = FrameDecoder()
        self._calls: dict[int, asyncio.Future[Frame]] = {}
        # By the number in frames from the peer: negative for streams that we opened, positive for the peer's.
        self._streams: dict[int, Stream] = {}
        self._theirs = 0
        """How many of the streams the peer opened."""
        self._last = self._queued = self._waiting = self._unsent = self._weight = 0
        self._held = self._receiving = False
        self._reason: ScuttlebuttError | None = None

    async def call(self, name: str, args: Sequence[Any], timeout: float | None) -> Any:
        """Make an async call and return its answer.

        Raises RemoteError, CallTimeout, ConnectionLost, or ProtocolError if the answer is malformed.
        """
        number = self._take_number()
        try:
            async with asyncio.timeout(timeout):
                await self.drain()
                self.send(number, _request(name, args, "async"))
                answer = self._calls[number] = asyncio.get_running_loop().create_future()
                with self.waiting():
                    frame = await answer
        except TimeoutError:
            raise CallTimeout(f"no answer to {name} within {timeout} s") from None
        finally:
            self._calls.pop(number, None)
        if frame.end:
            raise remote_error(frame) or ProtocolError(f"the peer ended {name} instead of answering it")
        return frame.value

    def open(self, kind: Literal["source", "sink", "duplex"], name: str, args: Sequence[Any]) -> Stream:
        """Open a stream. Raises ConnectionLost."""
        number = self._take_number()
        self.send(number, _request(name, args, kind), stream=True)
        stream = self._streams[-number] = Stream(self, number, two_way=kind == "duplex")
        return stream

    def accept(self, number: int, *, two_way: bool) -> Stream:
        """Accept a stream that the peer opens with its `number`. Raises ProtocolError above `MAX_THEIR_STREAMS`."""
        if self._theirs >= MAX_THEIR_STREAMS:
            raise ProtocolError(f"the peer has more than {MAX_THEIR_STREAMS} streams open")
        self._theirs += number not in self._streams
        stream = self._streams[number] = Stream(self, -number, two_way=two_way)
        return stream

    def receive(self, data: bytes) -> None:
        """Process plain bytes from the peer. Raises ProtocolError, after which the connection is unusable."""
        if self._reason is not None and self._decoder.ended:
            return
        self._receiving = True
        try:
            for frame in self._decoder.feed(data):
                # While closing, only the peer's goodbye matters, and the decoder notices that.
                if self._reason is None:
                    self._take(frame)
        finally:
            self._receiving = False
        self._weigh()
        self._balance()
        if self._decoder.ended:
            self._wire.hear_goodbye()

    def _take(self, frame: Frame) -> None:
        number = frame.request
        if (stream := self._streams.get(number)) is not None:
            stream.receive(frame)
        elif number > 0:
            self._service.receive(self, frame)
        elif (answer := self._calls.pop(-number, None)) is not None and not answer.done():
            answer.set_result(frame)

    def give_up(self, error: ScuttlebuttError) -> None:
        """End the connection, because all connections together hold too much."""
        self._weight = 0
        self._wire.fail(error)

    def end(self, reason: ScuttlebuttError) -> None:
        """End every call and stream for a reason. Nothing can be sent or opened after that."""
        if self._reason is not None:
            return
        self._reason = reason
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(copy.copy(reason))
        self._calls.clear()
        for stream in tuple(self._streams.values()):
            stream.fail(reason)
        self._streams.clear()
        self._theirs = 0
        self._service.stop()
        self._balance()
        if not isinstance(reason, Goodbye):
            # After a goodbye we still read from the peer. In all other cases only the garbage collector would
            # free this.
            self._decoder.drop()
        self._budget.hold(self, 0)

    def send(self, number: int, value: Any, *, stream: bool = False) -> None:
        """Send a value of a call or stream. Raises ConnectionLost, or ProtocolError if no frame can carry the value."""
        if self._reason is not None:
            raise ConnectionLost(str(self._reason)) from self._reason
        self._wire.write(encode(number, value, stream=stream))
        self._note_sent()

    def send_all(self, number: int, values: Iterable[Any]) -> None:
        """Send several values of a stream at once. Raises as `send` does."""
        if self._reason is not None:
            raise ConnectionLost(str(self._reason)) from self._reason
        self._wire.write(b"".join([encode(number, value, stream=True) for value in values]))
        self._note_sent()

    def end_call(self, number: int, reason: Any, *, stream: bool) -> None:
        """Send the end of a call or stream. `reason` is True or an error's JSON."""
        if self._reason is not None:
            return
        self._wire.write(encode(number, reason, stream=stream, end=True))
        if self._wire.backlog() > MAX_BACKLOG:
            self._wire.fail(ProtocolError("the peer asks more and more but does not read the answers"))
        self._note_sent()

    def forget(self, number: int) -> None:
        """Forget a stream, by the number in the frames that we send."""
        if self._streams.pop(-number, None) is not None and number < 0:
            self._theirs -= 1

    async def drain(self) -> None:
        await self._wire.drain()

    def hear_room(self) -> None:
        """The service takes calls again."""
        self._balance()

    def hear_drained(self) -> None:
        """The socket has taken what was written."""
        self._note_sent()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark that somebody waits for the peer, so that one slow reader does not stop everybody."""
        self._waiting += 1
        self._balance()
        try:
            yield
        finally:
            self._waiting -= 1
            self._balance()

    def count(self, change: int) -> None:
        """Change the number of bytes that wait for a reader."""
        self._queued += change
        if self._queued > MAX_QUEUED:
            error = ConsumerTooSlow(f"{self._queued} bytes waited for a reader")
            # The stream that just grew is among these, so at least as much is freed as arrived.
            max(self._streams.values(), key=lambda stream: stream.queued).overflow(error)
        self._balance()

    def _note_sent(self) -> None:
        self._unsent = self._wire.backlog()
        self._weigh()

    def _weigh(self) -> None:
        """Report to the budget what this connection holds."""
        if self._reason is not None:
            return
        # Not the streams that we opened: we choose how many, and somebody who watches ten thousand pubs has many.
        calls = CALL_COST * max(self._theirs, self._service.answering)
        waiting = WAIT_COST * (len(self._calls) + self._service.waiting)
        held = self._decoder.held + self._queued + self._unsent + calls + waiting
        if abs(held - self._weight) >= _WEIGHED:
            self._weight = held
            self._budget.hold(self, held)

    def _is_taken_from(self) -> bool:
        """Whether much waits for a reader that uses `take`, which will read on, so that pausing cannot deadlock."""
        return any(stream.is_taken and stream.queued > PAUSE_ABOVE for stream in self._streams.values())

    def _balance(self) -> None:
        if self._receiving:
            return
        full = self._queued > PAUSE_ABOVE or self._service.is_busy
        held = full and (not self._waiting or self._is_taken_from()) and self._reason is None
        if held != self._held:
            self._held = held
            self._wire.hold(held)

    def _take_number(self) -> int:
        # After two billion calls the count starts again, and an old live stream may still use a number.
        while True:
            self._last = self._last % _LAST_NUMBER + 1
            if self._last not in self._calls and -self._last not in self._streams:
                return self._last


def _request(name: str, args: Sequence[Any], kind: str) -> dict[str, Any]:
    return {"name": name.split("."), "args": list(args), "type": kind}
