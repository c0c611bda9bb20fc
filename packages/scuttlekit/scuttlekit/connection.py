"""A connection: TCP, secret handshake, box stream and muxrpc in one asyncio protocol.

A connection has no task: received bytes pass through all layers at once, and wake only those who wait for
them. This keeps thousands of idle connections cheap.
"""

import asyncio
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from scuttlekit import frames
from scuttlekit.boxstream import Opener, Sealer
from scuttlekit.errors import ConnectionLost, Goodbye, HandshakeFailed, ProtocolError, ScuttlebuttError
from scuttlekit.handshake import Handshake
from scuttlekit.keys import encode_feed_id
from scuttlekit.muxrpc import Session
from scuttlekit.peer import Peer
from scuttlekit.serving import NOTHING, Api, Serving

CLOSE_PATIENCE = 1.0
"""Seconds that a closing connection waits for the peer's goodbye and for the socket to take written bytes."""
MOST_UNTAKEN = 60.0
"""Seconds within which a peer must take some of the bytes that wait for it."""
RECEIVE_BUFFER = 256 << 10
"""Bytes."""
PROBES = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPIDLE": 12, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 2}.items()
    if hasattr(socket, name)
}
"""A vanished machine is noticed after 18 seconds of silence, while the kernel answers for a program that is
only busy. A peer that sends something every 10 seconds is never probed."""

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Traffic:
    """Counts the bytes over TCP of all connections that share this counter, including closed ones."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.received = self.sent = 0


class ConnectionOwner(Protocol):
    """The owner of many connections, which is told about each."""

    def made(self, connection: "Connection") -> None:
        """A connection was made. To turn it away, call its `fail`."""

    def met(self, connection: "Connection", peer: Peer) -> None:
        """The handshake is done, and the peer is known."""

    def gave_up(self) -> None:
        """A peer took none of the bytes sent to it, and is disconnected."""

    def gone(self, connection: "Connection") -> None:
        """The connection is gone. Called once."""


class Connection(asyncio.Protocol):
    """One side of a connection. Pass it to asyncio's `create_connection` or `create_server`; `ready` gives its Peer.

    `offer` takes the peer and returns the calls that it may make. `deadline` is how many seconds the
    handshake may take; None if the caller has its own timeout.
    """

    __slots__ = ("_acks", "_early", "_keeper", "_offer", "_opener", "_said_goodbye", "_sealer", "_senders", "_sent", "_serving", "_steps", "_taking", "_timer", "_traffic", "_transport", "_untaken", "_want", "_writable", "closed", "host", "ready", "reason", "session")  # fmt: skip

    def __init__(
        self,
        handshake: Handshake,
        offer: Callable[[Peer], Api],
        *,
        deadline: float | None,
        keeper: "ConnectionOwner | None" = None,
        traffic: Traffic | None = None,
        untaken: float = MOST_UNTAKEN,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Peer] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.reason: ScuttlebuttError | None = None
        self._offer = offer
        self._serving = Serving(NOTHING)
        self.session = Session(self, self._serving)
        self._steps: Handshake | None = handshake
        self._timer = None if deadline is None else loop.call_later(deadline, self._too_late)
        self._keeper = keeper
        self._traffic = traffic or Traffic()
        self.host = ""
        """The IP address of the other end, or empty if unknown."""
        self._transport: asyncio.Transport | None = None
        self._acks: Callable[[int, int, int], None] | None = None
        """Sets an option of the TCP socket, if the kernel can be told to acknowledge at once."""
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._early = bytearray()
        self._want = 0
        self._writable = True
        self._sent = 0
        self._untaken = untaken
        self._taking: asyncio.TimerHandle | None = None
        self._senders: deque[asyncio.Future[None]] = deque()
        self._said_goodbye = False

    @property
    def is_open(self) -> bool:
        """Whether the handshake is done and neither side has ended the connection."""
        return self._sealer is not None and self.reason is None

    async def close(self) -> None:
        """Say goodbye, wait briefly for the peer's goodbye, and close."""
        if not self.is_open:
            self.fail(ConnectionLost("we closed the connection before it was made"))
        else:
            self._say_goodbye()
            self._end(Goodbye("we closed the connection"))
        try:
            await asyncio.wait([self.closed], timeout=CLOSE_PATIENCE)
        finally:
            if self._transport is not None:
                self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave like asyncio's but have another class.
        self._transport = cast("asyncio.Transport", transport)
        if isinstance(name := transport.get_extra_info("peername"), tuple):
            self.host = str(name[0])
        if self._keeper is not None:
            self._keeper.made(self)
        if self.reason is not None:
            self._transport.abort()
            return
        if (sock := transport.get_extra_info("socket")) is not None and sock.family != socket.AF_UNIX:
            # Without it, a call and its answer wait for each other's acknowledgement: 44 ms instead of 0.2.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The kernel's buffer for a waiting reader takes memory too, and would grow to 32 MiB.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            # If a peer's machine vanishes, only the kernel's probes notice.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in PROBES.items():
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
            self._acks = None if _QUICKACK is None else sock.setsockopt
        self._guard(self._shake)

    def data_received(self, data: bytes) -> None:
        self._traffic.received += len(data)
        self._acknowledge()
        self._guard(self._receive, data)

    def eof_received(self) -> None:
        self._lose("the peer hung up without a goodbye")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(f"the connection broke: {exc}" if exc else "the connection was closed")
        self.resume_writing()
        self._stop_timer()
        self._transport = self._steps = self._acks = None
        if not self.closed.done():
            self.closed.set_result(None)
        if self._keeper is not None:
            self._keeper.gone(self)
            self._keeper = None

    def pause_writing(self) -> None:
        self._writable = False
        if self.reason is None:
            self._look_again()

    def resume_writing(self) -> None:
        self._writable = True
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        self.session.hear_drained()
        self._take_turns()

    # What muxrpc calls.

    def write(self, data: bytes) -> None:
        if self._transport is None or self._sealer is None or self._said_goodbye:
            raise ConnectionLost(str(self.reason or "the connection is not made yet"))
        self._put(self._sealer.seal(data))

    def backlog(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def hold(self, held: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    async def drain(self) -> None:
        if not self._writable or self._senders:
            turn = asyncio.get_running_loop().create_future()
            self._senders.append(turn)
            await turn

    def hear_goodbye(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._say_goodbye()
        self._end(Goodbye("the peer said goodbye"))
        # Written bytes still go out, but a peer that takes nothing cannot keep us waiting.
        self._timer = asyncio.get_running_loop().call_later(CLOSE_PATIENCE, self._transport.abort)
        self._transport.close()

    def fail(self, error: ScuttlebuttError) -> None:
        self._end(error)
        if self._transport is not None:
            self._transport.abort()

    # Internals.

    def _take_turns(self) -> None:
        # One at a time, and then to the back of the queue: if all woke at once, each of a hundred streams
        # would write although the first has filled the socket.
        while self._writable and self._senders:
            turn = self._senders.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._take_turns)
                return

    def _look_again(self) -> None:
        """Check later whether the peer took some of the bytes that wait for it."""
        self._taking = asyncio.get_running_loop().call_later(
            self._untaken, self._look, self._sent - self._unsent()
        )

    def _look(self, taken: int) -> None:
        if self._sent - self._unsent() > taken:
            self._look_again()
            return
        if self._keeper is not None:
            self._keeper.gave_up()
        self.fail(ProtocolError(f"the peer took nothing of what it was sent for {self._untaken:.0f} s"))

    def _unsent(self) -> int:
        """How many bytes the peer has not taken yet, including those in the kernel's buffer if it reports them."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        held = bytearray(4)
        with suppress(ImportError, AttributeError, OSError, ValueError):
            import fcntl
            import termios

            if sock is not None:
                fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, held)
        return self.backlog() + int.from_bytes(held, sys.byteorder)

    def _acknowledge(self) -> None:
        # ssb-server writes an answer in small pieces, and its kernel sends the second only when the first has
        # been acknowledged, which ours would delay by 40 ms. The kernel resets the option, so it is set each
        # time.
        if self._acks is not None and _QUICKACK is not None:
            self._acks(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _guard(self, act: Callable[..., None], *args: Any) -> None:
        try:
            act(*args)
        except ScuttlebuttError as error:
            self.fail(error)

    def _receive(self, data: bytes) -> None:
        if self._opener is None:
            self._early += data
            while self._steps is not None and len(self._early) >= self._want:
                message = bytes(self._early[: self._want])
                del self._early[: self._want]
                self._shake(message)
            if self._opener is None:
                return
            data = bytes(self._early)
            self._early.clear()
        # ssb-server puts the header and the body of a frame into separate boxes, so bodies that arrive
        # together are joined.
        bodies: list[bytes] = []
        try:
            bodies.extend(self._opener.feed(data))
        finally:
            if bodies:
                self.session.receive(b"".join(bodies))
        if self._opener.ended:
            self.hear_goodbye()

    def _shake(self, message: bytes | None = None) -> None:
        if self._steps is None or self._transport is None:
            return
        try:
            step = next(self._steps) if message is None else self._steps.send(message)
        except StopIteration as done:
            self._steps = None
            self._stop_timer()
            agreed = done.value
            self._put(agreed.last)
            self._sealer = Sealer(agreed.seal_key, agreed.seal_nonce)
            self._opener = Opener(agreed.open_key, agreed.open_nonce)
            peer = Peer(self, encode_feed_id(agreed.remote))
            self._serving.begin(peer, self._offer(peer))
            if not self.ready.done():
                self.ready.set_result(peer)
            if self._keeper is not None:
                self._keeper.met(self, peer)
            return
        self._want = step.want
        self._put(step.send)

    def _put(self, data: bytes) -> None:
        if self._transport is not None:
            self._traffic.sent += len(data)
            self._sent += len(data)
            self._transport.write(data)

    def _lose(self, how: str) -> None:
        if self._steps is None:
            self._end(ConnectionLost(how))
        else:
            # A peer that refuses us, or is not the one we dialled, just hangs up.
            self._end(HandshakeFailed(f"{how}, during the secret handshake"))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self.fail(HandshakeFailed("the peer did not complete the secret handshake in time"))

    def _say_goodbye(self) -> None:
        if self._transport is not None and self._sealer is not None and not self._said_goodbye:
            self._put(self._sealer.seal(frames.GOODBYE) + self._sealer.goodbye())
            self._said_goodbye = True

    def _end(self, reason: ScuttlebuttError) -> None:
        """End everything for a reason. The first reason counts."""
        if self.reason is not None:
            return
        self.reason = _without_frames(reason)
        self._early.clear()
        self._stop_timer()
        self.session.end(reason)
        self.resume_writing()
        if not self.ready.done():
            self.ready.set_exception(reason)
            # On a server nobody waits for it, so asyncio must not report it as unhandled.
            self.ready.exception()


def _without_frames(error: ScuttlebuttError) -> ScuttlebuttError:
    """Remove the tracebacks from an error that is kept. They refer to stack frames, and so to the peer's
    data, until Python collects reference cycles: a stranger sending noise left 256 KiB per connection.
    """
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
    return error
