"""One muxrpc stream (source, sink or duplex), on either end."""

# ruff: noqa: ASYNC109 - our own timeout raises our own error, which says what did not answer

import asyncio
import copy
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from scuttlekit.errors import CallTimeout, Goodbye, ProtocolError, RemoteError, ScuttlebuttError

if TYPE_CHECKING:
    from types import TracebackType

    from scuttlekit.frames import Frame
    from scuttlekit.muxrpc import Session

# Bytes of memory for a queued frame besides its body: the tuple, its numbers, the bytes object, the queue entry.
_FRAME_COST = 160
_LONGEST_ERROR = 2000

MOST_AT_ONCE = 256


def remote_error(frame: "Frame") -> ScuttlebuttError | None:
    """Read the reason in an end frame: None for a normal end, else the peer's error."""
    try:
        value = frame.value
    except ProtocolError as error:
        return error
    if value is True:
        return None
    if isinstance(value, dict):
        message, name = value.get("message"), value.get("name")
        return RemoteError(str(message)[:_LONGEST_ERROR], str(name or "Error")[:_LONGEST_ERROR])
    return RemoteError(str(value)[:_LONGEST_ERROR])


def error_body(error: ScuttlebuttError) -> dict[str, str]:
    """The JSON that reports an error to a peer."""
    name = error.name if isinstance(error, RemoteError) else type(error).__name__
    return {"message": str(error), "name": name, "stack": ""}


class Stream:
    """Values to and from a peer: `await send(…)`, `async for value in stream`, `await close()`.

    Use it in `async with`: a normal exit waits until the peer has ended the stream too, and an exception ends
    it at once. It has one reader. Values are bytes, str or JSON.
    """

    __slots__ = ("_deaf", "_error", "_frames", "_number", "_on_over", "_over", "_said_end", "_session", "_two_way", "_waiter", "is_taken", "queued", "skip")  # fmt: skip

    def __init__(self, session: "Session", number: int, *, two_way: bool) -> None:
        self._session = session
        self._number = number
        self._two_way = two_way
        self._frames: deque[Frame] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._on_over: Callable[[], object] | None = None
        self._error: ScuttlebuttError | None = None
        self._over = self._said_end = self._deaf = False
        self.queued = 0
        """How many bytes wait to be read."""
        self.is_taken = False
        """Whether its reader uses `take`, and so waits for nothing else on this connection before it reads on."""
        self.skip: Callable[[Frame], bool] | None = None
        """Called with each frame that arrives. If it returns True, the frame does not wake the reader, who never
        gets it. It must not raise."""

    async def send(self, value: Any) -> None:
        """Send one value, once the peer has read enough of the earlier ones.

        Raises ProtocolError for a value that no frame can carry (such as empty bytes), the peer's RemoteError
        if it refused the stream, Goodbye if it ended it, ConnectionLost.
        """
        await self._session.drain()
        if self._said_end:
            raise copy.copy(self._error or Goodbye("the stream has ended"))
        self._session.send(self._number, value, stream=True)

    async def send_all(self, values: Sequence[Any]) -> None:
        """Send several values at once, which is faster than one by one. Their total size is not bounded here.

        Raises as `send` does.
        """
        await self._session.drain()
        if self._said_end:
            raise copy.copy(self._error or Goodbye("the stream has ended"))
        self._session.send_all(self._number, values)

    async def send_read(self, read: Callable[[], Sequence[Any]]) -> int:
        """Call `read` when the peer can take more, and send the values, so that nothing is held meanwhile.
        Returns their number.

        Raises as `send` does.
        """
        await self._session.drain()
        if self._said_end:
            raise copy.copy(self._error or Goodbye("the stream has ended"))
        if values := read():
            self._session.send_all(self._number, values)
        return len(values)

    async def close(self, *, timeout: float | None = 10.0) -> None:
        """End the stream and wait at most `timeout` seconds until the peer ends it. What it still sends is lost.

        Raises RemoteError if the peer ends it with an error, CallTimeout, ConnectionLost.
        """
        self._stop_listening()
        self._say_end(None)
        try:
            async with asyncio.timeout(timeout):
                while not self._over:
                    await self._wait()
        except TimeoutError:
            self.abort()
            raise CallTimeout(f"the peer did not end the stream within {timeout} s") from None
        if self._error is not None:
            raise copy.copy(self._error)

    def abort(self, error: ScuttlebuttError | None = None) -> None:
        """End the stream at once, telling the peer of the error if there is one."""
        self._stop_listening()
        self._say_end(error)
        # The peer may not know yet and keep sending. Our own numbers are not reused, so its frames are
        # dropped as unknown. The peer's number must be remembered, or its next value would look like a new
        # request.
        if self._number > 0:
            self._over = True
            self._session.forget(self._number)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self._frames:
            if self._over or self._deaf:
                if self._error is not None:
                    raise copy.copy(self._error)
                raise StopAsyncIteration
            await self._wait()
        frame = self._frames.popleft()
        self._count(-_cost(frame))
        try:
            return frame.value
        except ProtocolError as error:
            self._error = error
            self.abort(error)
            raise

    async def take(self, most: int | None = None) -> "list[Frame]":
        """Return received frames, undecoded, 1 to `MOST_AT_ONCE`; none once the stream is over.

        `most` bounds their total bytes; the first is returned however long it is.

        The caller must not wait for anything else on this connection in between: while much waits to be
        taken, the peer is not read, even if others wait for it. Raises as iterating does, except for errors
        in the frames' bodies.
        """
        self.is_taken = True
        while not self._frames:
            if self._over or self._deaf:
                if self._error is not None:
                    raise copy.copy(self._error)
                return []
            await self._wait()
        count = len(self._frames) if most is None else self._count_within(most)
        frames = [self._frames.popleft() for _ in range(min(MOST_AT_ONCE, count))]
        self._count(-sum(map(_cost, frames)))
        return frames

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        if error is None:
            await self.close()
        else:
            self.abort()

    # What the session calls.

    def receive(self, frame: "Frame") -> None:
        """A frame of this stream came."""
        if frame.end:
            self._finish(remote_error(frame))
        elif not self._deaf and not (self.skip and self.skip(frame)):
            self._frames.append(frame)
            self._count(_cost(frame))
            self._wake()

    def fail(self, error: ScuttlebuttError) -> None:
        """End without telling the peer, since the connection is gone."""
        self._said_end = True
        self._finish(error)

    def overflow(self, error: ScuttlebuttError) -> None:
        """End because the peer sent more than was read in time."""
        self._error = error
        self.abort(error)

    def when_over(self, act: Callable[[], object]) -> None:
        """Call `act` once the stream is over in both directions."""
        self._on_over = act

    def _finish(self, error: ScuttlebuttError | None) -> None:
        self._over = True
        self._error = self._error or error
        self._session.forget(self._number)
        # Each side of a duplex ends by itself: when the peer is done, we may still go on.
        if error is not None or not self._two_way:
            self._say_end(None)
        self._wake()
        if self._on_over is not None:
            self._on_over()

    def _say_end(self, error: ScuttlebuttError | None) -> None:
        if not self._said_end:
            self._said_end = True
            self._session.end_call(self._number, True if error is None else error_body(error), stream=True)

    def _stop_listening(self) -> None:
        self._deaf = True
        self._frames.clear()
        self._count(-self.queued)
        self._wake()

    def _count_within(self, most: int) -> int:
        """How many of the waiting frames have at most `most` bytes together; at least one."""
        size = 0
        for count, frame in enumerate(self._frames):
            size += len(frame.body)
            if size > most or count == MOST_AT_ONCE:
                return max(1, count)
        return len(self._frames)

    def _count(self, change: int) -> None:
        self.queued += change
        self._session.count(change)

    async def _wait(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("a stream can have only one reader")
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            with self._session.waiting():
                await waiter
        finally:
            if self._waiter is waiter:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _cost(frame: "Frame") -> int:
    return len(frame.body) + _FRAME_COST
