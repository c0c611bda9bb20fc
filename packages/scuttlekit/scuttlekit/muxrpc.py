"""muxrpc on one connection: many calls and streams at once, in both directions, over plain bytes.

muxrpc has no flow control of its own, only the socket's. So this is how a slow reader is met:

- What no reader has taken yet is counted. Past `PAUSE_ABOVE` we stop reading the socket, and the peer has to wait.
- Unless somebody waits for an answer or for another stream: then we go on, for a reader that makes a call on the same
  connection before it takes the next value would otherwise wait for ever. Its answer comes behind all that is under
  way, some 5 to 10 MiB when the stream is fast: room for one such call, but not for one with every value. A reader that
  uses `Stream.take` reads on by itself, so what it has not taken holds the socket back in any case.
- Past `MAX_QUEUED` the stream that holds most is ended with ConsumerTooSlow. Memory is bounded either way.
- Our own sending waits for the socket, so it never piles up. Answers to a peer that asks but does not read them do:
  past `MAX_BACKLOG` the connection is ended.
- What all connections of the process hold together is bounded too, see `budget`.
"""

# ruff: noqa: ASYNC109 - a deadline of ours ends in an error of ours, which says what did not answer

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
"""Streams a peer may have open, those that we refused and it has not yet ended among them."""

CALL_COST = 8 << 10
"""What a call or stream that is being answered takes in memory, in bytes, beside what it carries."""
WAIT_COST = 2 << 10
"""What a call takes that waits for its turn or for the peer's answer."""

_WEIGHED = 4 << 10
"""Smaller changes of what a connection holds are not told to the budget."""

_LAST_NUMBER = (1 << 31) - 1


class Wire(Protocol):
    """What muxrpc needs of a connection."""

    def write(self, data: bytes) -> None: ...

    def backlog(self) -> int:
        """Give how many written bytes the socket has not taken yet."""

    def hold(self, held: bool) -> None:
        """Stop reading from the peer, or go on."""

    async def drain(self) -> None:
        """Wait until the socket takes more, or the connection is gone."""

    def hear_goodbye(self) -> None:
        """React to the peer's goodbye."""

    def fail(self, error: ScuttlebuttError) -> None:
        """End the connection at once, for a reason."""


class CallHandler(Protocol):
    """Whoever answers what the peer asks."""

    def receive(self, session: "Session", frame: Frame) -> None:
        """Take a frame that begins a call or stream of the peer's."""

    def stop(self) -> None:
        """Stop whatever is being answered."""

    @property
    def answering(self) -> int:
        """How many calls and streams are being answered."""

    @property
    def waiting(self) -> int:
        """How many calls wait to be answered."""

    @property
    def is_busy(self) -> bool:
        """Whether no more calls should come for now. Once that has changed, it calls the session's `hear_room`."""


class Session:
    """The calls and streams of one connection."""

    __slots__ = ("_budget", "_calls", "_decoder", "_held", "_last", "_queued", "_reason", "_receiving", "_service", "_streams", "_unsent", "_waiting", "_weight", "_wire")  # fmt: skip

    def __init__(self, wire: Wire, service: CallHandler, room: budget.Budget = budget.SHARED) -> None:
        self._wire = wire
        self._service = service
        self._budget = room
        self._decoder = FrameDecoder()
        self._calls: dict[int, asyncio.Future[Frame]] = {}
        # By the number that comes in frames from the peer: below zero for streams we began, above for the peer's.
        self._streams: dict[int, Stream] = {}
        self._last = self._queued = self._waiting = self._unsent = self._weight = 0
        self._held = self._receiving = False
        self._reason: ScuttlebuttError | None = None

    async def call(self, name: str, args: Sequence[Any], timeout: float | None) -> Any:
        """Make an async call and give its answer.

        Raises RemoteError, CallTimeout, ConnectionLost, or ProtocolError when the answer is not what it says it is.
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
        """Begin a stream. Raises ConnectionLost."""
        number = self._take_number()
        self.send(number, _request(name, args, kind), stream=True)
        stream = self._streams[-number] = Stream(self, number, two_way=kind == "duplex")
        return stream

    def accept(self, number: int, *, two_way: bool) -> Stream:
        """Take a stream that the peer begins with its `number`. Raises ProtocolError past `MAX_THEIR_STREAMS`."""
        if sum(key > 0 for key in self._streams) >= MAX_THEIR_STREAMS:
            raise ProtocolError(f"the peer has more than {MAX_THEIR_STREAMS} streams open")
        stream = self._streams[number] = Stream(self, -number, two_way=two_way)
        return stream

    def receive(self, data: bytes) -> None:
        """Take plain bytes from the peer. Raises ProtocolError, after which the connection is of no use."""
        if self._reason is not None and self._decoder.ended:
            return
        self._receiving = True
        try:
            for frame in self._decoder.feed(data):
                # While it closes only the peer's goodbye is of interest, and the decoder sees that.
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
        """End the connection because all connections together hold too much."""
        self._weight = 0
        self._wire.fail(error)

    def end(self, reason: ScuttlebuttError) -> None:
        """End every call and stream for a reason; nothing can be sent or begun after that."""
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
        self._service.stop()
        self._balance()
        if not isinstance(reason, Goodbye):
            # Who says goodbye is still listened to. Of all others only the garbage collector would free it.
            self._decoder.drop()
        self._budget.hold(self, 0)

    def send(self, number: int, value: Any, *, stream: bool = False) -> None:
        """Send a value of a call or stream. Raises ConnectionLost, or ProtocolError if no frame can carry it."""
        if self._reason is not None:
            raise ConnectionLost(str(self._reason)) from self._reason
        self._wire.write(encode(number, value, stream=stream))
        self._note_sent()

    def send_all(self, number: int, values: Iterable[Any]) -> None:
        """Send values of a stream at once. Raises as `send` does."""
        if self._reason is not None:
            raise ConnectionLost(str(self._reason)) from self._reason
        self._wire.write(b"".join([encode(number, value, stream=True) for value in values]))
        self._note_sent()

    def end_call(self, number: int, reason: Any, *, stream: bool) -> None:
        """Send the end of a call or stream, for the reason True or an error's JSON."""
        if self._reason is not None:
            return
        self._wire.write(encode(number, reason, stream=stream, end=True))
        if self._wire.backlog() > MAX_BACKLOG:
            self._wire.fail(ProtocolError("the peer asks more and more but does not read the answers"))
        self._note_sent()

    def forget(self, number: int) -> None:
        """Drop a stream by the number that we send with."""
        self._streams.pop(-number, None)

    async def drain(self) -> None:
        await self._wire.drain()

    def hear_room(self) -> None:
        """React to the service taking calls again."""
        self._balance()

    def hear_drained(self) -> None:
        """React to the socket having taken what was written."""
        self._note_sent()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark that somebody waits for the peer, so that a slow reader of one stream does not stop everybody."""
        self._waiting += 1
        self._balance()
        try:
            yield
        finally:
            self._waiting -= 1
            self._balance()

    def count(self, change: int) -> None:
        """Note that so many more, or fewer, bytes wait for a reader."""
        self._queued += change
        if self._queued > MAX_QUEUED:
            error = ConsumerTooSlow(f"{self._queued} bytes waited for a reader")
            # The stream that just grew is among these, so at least as much is freed as came in.
            max(self._streams.values(), key=lambda stream: stream.queued).overflow(error)
        self._balance()

    def _note_sent(self) -> None:
        self._unsent = self._wire.backlog()
        self._weigh()

    def _weigh(self) -> None:
        """Tell the budget what this connection holds."""
        if self._reason is not None:
            return
        calls = CALL_COST * max(len(self._streams), self._service.answering)
        waiting = WAIT_COST * (len(self._calls) + self._service.waiting)
        held = self._decoder.held + self._queued + self._unsent + calls + waiting
        if abs(held - self._weight) >= _WEIGHED:
            self._weight = held
            self._budget.hold(self, held)

    def _is_taken_from(self) -> bool:
        """Whether much waits for a reader that reads on by itself: then who waits for something else waits not for ever."""
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
        # After two thousand million calls the count starts again; an old live stream may still use its number.
        while True:
            self._last = self._last % _LAST_NUMBER + 1
            if self._last not in self._calls and -self._last not in self._streams:
                return self._last


def _request(name: str, args: Sequence[Any], kind: str) -> dict[str, Any]:
    return {"name": name.split("."), "args": list(args), "type": kind}
