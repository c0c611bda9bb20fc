"""Tunnels: connections between two peers through the pub, which cannot read them.

To reach an attendant, a peer calls `tunnel.connect({portal, target})` on the pub, and the pub calls
`tunnel.connect({portal, target, origin})` on the attendant. Then the pub forwards what each end sends to the
other, beginning with a secret handshake of their own. `origin` is the caller, as proven by the pub's own
handshake.

A slow reader holds its sender back: the pub does not read ahead from the sender's socket. A reader that takes
nothing ends the tunnel.

Source: https://github.com/ssbc/rooms2, "Tunneled connection", and ssb-room-client.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from scuttlekit import budget
from scuttlekit.errors import ProtocolError, RemoteError, ScuttlebuttError
from scuttlekit.frames import BINARY, Frame
from scuttlekit.peer import Peer
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.monthly import NO_TRAFFIC
from scuttlekit.pub.room.attendants import Attendants
from scuttlekit.pub.room.privacy import Privacy
from scuttlekit.streams import Stream

T = TypeVar("T")

PIECE: Final = 64 << 10
"""Bytes read from one end before the other must take them. A larger frame is read by itself."""

_LONGEST_ID: Final = 60


class Tunnels:
    """All tunnels. Their number is limited, per end and in total, and what they hold counts in the process's budget.

    No tunnels run while `is_saving`.
    """

    def __init__(
        self,
        own_id: str,
        attendants: Attendants,
        privacy: Privacy,
        limits: Limits,
        is_saving: Callable[[], bool],
    ) -> None:
        self._own_id = own_id
        self._attendants = attendants
        self._privacy = privacy
        self._limits = limits
        self._is_saving = is_saving
        self._open: set[_Tunnel] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def connect(self, caller: Peer, stream: Stream, asked: Any = None, *_: Any) -> None:
        """Run a tunnel until either end closes it. Raises RemoteError, and the error with which the attendant
        refuses.
        """
        if self._is_saving():
            raise RemoteError(NO_TRAFFIC)
        target = self._target_in(asked)
        peer = self._attendants.peer_of(target)
        if not self._privacy.may_connect(caller.id) or caller.id == target or peer is None:
            raise RemoteError(f"could not connect to {target}: they are not in this room")
        is_strange = not self._privacy.is_internal(caller.id)
        self._check_room(caller.id, target, is_strange=is_strange)
        with self._counted(_Tunnel(caller.id, target, is_strange=is_strange)) as tunnel:
            other = peer.duplex(
                "tunnel.connect", {"portal": self._own_id, "target": target, "origin": caller.id}
            )
            try:
                await self._carry(tunnel, stream, other)
            finally:
                other.abort()

    def review(self) -> None:
        """End tunnels that are no longer allowed."""
        for tunnel in tuple(self._open):
            may_stay = self._privacy.may_connect(tunnel.caller) and self._privacy.is_internal(tunnel.target)
            if self._is_saving() or not may_stay:
                tunnel.end()

    def _target_in(self, asked: Any) -> str:
        """Read the target. Raises RemoteError."""
        target = asked.get("target") if isinstance(asked, dict) else None
        if not isinstance(target, str) or len(target) > _LONGEST_ID:
            raise RemoteError("tunnel.connect takes {portal, target}, two ids")
        if asked.get("portal") != self._own_id:
            raise RemoteError("the portal must be this room")
        return target

    def _check_room(self, caller: str, target: str, *, is_strange: bool) -> None:
        """Raise RemoteError if one more tunnel would be too many."""
        of_caller = [tunnel for tunnel in self._open if caller in tunnel.ends]
        of_target = [tunnel for tunnel in self._open if target in tunnel.ends]
        self._bound("tunnels", len(self._open))
        self._bound("tunnelsOfOne", max(len(of_caller), len(of_target)))
        if is_strange:
            self._bound("strangeTunnels", sum(tunnel.is_strange for tunnel in self._open))
            self._bound(
                "strangeTunnelsOfOne",
                max(len(of_caller), sum(tunnel.is_strange for tunnel in of_target)),
            )

    def _bound(self, name: str, count: int) -> None:
        if count >= self._limits[name]:
            self._limits.refuse(name)
            raise RemoteError("there are too many tunnels: try again later")

    @contextmanager
    def _counted(self, tunnel: "_Tunnel") -> "Iterator[_Tunnel]":
        self._open.add(tunnel)
        try:
            yield tunnel
        finally:
            self._open.discard(tunnel)
            tunnel.hold_nothing()

    async def _carry(self, tunnel: "_Tunnel", one: Stream, other: Stream) -> None:
        """Forward both ways until one way ends, since half a tunnel is of no use."""
        loop = asyncio.get_running_loop()
        ways = [loop.create_task(self._pour(tunnel, *ends)) for ends in ((one, other), (other, one))]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pour(self, tunnel: "_Tunnel", source: Stream, sink: Stream) -> None:
        # Both ends speak in the secret handshake, so an end that sends nothing at first is not there.
        frames = await self._in_time("tunnelOpening", source.take(PIECE))
        while frames:
            bodies = _bodies(frames)
            tunnel.hold(source, sum(map(len, bodies)))
            await self._in_time("tunnelStall", sink.send_all(bodies))
            tunnel.hold(source, 0)
            frames = await source.take(PIECE)

    async def _in_time(self, bound: str, work: Awaitable[T]) -> T:
        """Wait for one end for as long as a bound allows. Raises RemoteError."""
        try:
            async with asyncio.timeout(self._limits[bound]):
                return await work
        except TimeoutError:
            self._limits.refuse(bound)
            raise RemoteError(f"one side sent nothing for {self._limits[bound]} s") from None


class _Tunnel:
    """One tunnel: who called whom, and what it holds."""

    def __init__(self, caller: str, target: str, *, is_strange: bool) -> None:
        self.caller = caller
        self.target = target
        self.ends = {caller, target}
        self.is_strange = is_strange
        self._task = asyncio.current_task()
        self._held: dict[Stream, int] = {}

    def hold(self, source: Stream, size: int) -> None:
        """Record how many bytes from one end wait for the other."""
        self._held[source] = size
        budget.SHARED.hold(self, sum(self._held.values()))

    def hold_nothing(self) -> None:
        budget.SHARED.hold(self, 0)

    def give_up(self, _error: ScuttlebuttError) -> None:
        self.end()

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _bodies(frames: Sequence[Frame]) -> list[bytes]:
    """The bytes that frames carry. Raises ProtocolError for frames of any other kind."""
    if any(frame.kind != BINARY for frame in frames):
        raise ProtocolError("a tunnel can only carry bytes")
    # An empty frame carries nothing, and cannot be sent.
    return [frame.body for frame in frames if frame.body]
