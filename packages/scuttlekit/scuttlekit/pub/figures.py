"""Metrics about the pub, for the service that manages it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scuttlekit.connection import Traffic
from scuttlekit.pub.catchup import CatchUp
from scuttlekit.pub.connections import Connections
from scuttlekit.pub.disk import DiskUsage
from scuttlekit.pub.store import NotReady, Store, Stored

DEFAULT: Final = 10.0
LEAST: Final = 1.0
MOST: Final = 3600.0
SOON: Final = 0.25
"""Seconds until a sample reports that the pub published. The sequence number of its feed must be known
elsewhere before the pub and its folder can be lost."""
DISK_EVERY: Final = 30.0

_MOVES: Final = 16 << 10
NOISE: Final = {
    "memory": 1 << 20,
    **dict.fromkeys(("bytesIn", "bytesOut", "traffic.in", "traffic.out"), _MOVES),
}
"""How many bytes a figure changes by at most in a pub that does nothing: samples and keepalives are traffic too."""

UNCHANGED: Final = {"unchanged": True}
"""Is sent instead of a sample if that would say the same as the last one: the pub still runs."""

_PAGE: Final = 4096


class Figures:
    """Takes samples. A sample only reads numbers."""

    def __init__(
        self,
        *,
        launch: int,
        own_id: str,
        folder: Path,
        store: Store,
        connections: Connections,
        catch_up: CatchUp,
        hops: int,
        traffic: Traffic,
        refused: Callable[[], Mapping[str, int]],
        room: Callable[[], Mapping[str, Any]],
        month: Callable[[], Mapping[str, Any]],
        meeting: Callable[[], Mapping[str, int]],
    ) -> None:
        self._launch = launch
        self._own_id = own_id
        self._store = store
        self._connections = connections
        self._catch_up = catch_up
        self._hops = hops
        self._traffic = traffic
        self._refused = refused
        self._room = room
        self._month = month
        self._meeting = meeting
        self._disk = DiskUsage(folder)
        self._counting: asyncio.Task[None] | None = None
        self._counted = 0.0
        self._began = time.monotonic() - _uptime()
        self._started_at = datetime.fromtimestamp(time.time() - _uptime(), UTC).isoformat(
            timespec="milliseconds"
        )

    def sample(self) -> dict[str, Any]:
        """The pub's figures now, as `butt.figures` gives them; PUB.md has their names and units."""
        head = self._store.head(self._own_id) if self._store.ready.is_set() else None
        current, target = self._store.progress
        return {
            "launch": self._launch,
            "id": self._own_id,
            "startedAt": self._started_at.replace("+00:00", "Z"),
            "uptime": round(time.monotonic() - self._began, 3),
            "memory": _resident(),
            "bytesIn": self._traffic.received,
            "bytesOut": self._traffic.sent,
            "peers": self._connections.peers,
            "disk": self._size(),
            "sequence": head.sequence if head else 0,
            "catchingUp": self._catch_up.is_active,
            "messages": self._store.messages,
            "feeds": self._store.feeds,
            "hops": self._hops,
            "indexing": {"current": current, "target": target},
            "refused": dict(self._refused()),
            "room": self._tell_room(),
            "traffic": self._month(),
            **self._meeting(),
        }

    async def stream(
        self, every: Any, quiet: Any = None, full: Any = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield one sample at once, then one every `every` seconds, and one soon after the pub published.

        As long as nothing changes, something comes only every `quiet` seconds, if that is longer, and a sample
        only every `full` seconds, if that is longer still: in between it is `UNCHANGED`.
        """
        pause = min(MOST, max(LEAST, _number(every) or DEFAULT))
        longest = min(MOST, max(pause, _number(quiet)))
        longest_sample = min(MOST, max(longest, _number(full)))
        said = asyncio.Event()
        stop = self._store.listen(lambda messages: said.set() if self._is_ours(messages) else None)
        loop = asyncio.get_running_loop()
        try:
            sent = sampled = due = loop.time()
            last = self.sample()
            yield last
            while True:
                # After a suspend or a long stall, continue from now: nobody wants the missed samples.
                due = max(min(due + pause, sent + longest, sampled + longest_sample), loop.time())
                if await _is_set(said, due):
                    due = max(min(due, sent + SOON), loop.time())
                    await asyncio.sleep(due - loop.time())
                has_published = said.is_set()
                said.clear()
                now = self.sample()
                if has_published or due >= sampled + longest_sample or not is_at_rest(last, now):
                    sent = sampled = due
                    last = now
                    yield last
                elif due >= sent + longest:
                    sent = due
                    yield UNCHANGED
        finally:
            stop()

    def _is_ours(self, messages: Sequence[Stored]) -> bool:
        return any(message.author == self._own_id for message in messages)

    def _tell_room(self) -> Mapping[str, Any] | None:
        try:
            return self._room()
        except NotReady:
            return None

    def _size(self) -> int | None:
        """The last count of disk usage. Starts the next count in the background if it is due."""
        if self._counting is None and time.monotonic() - self._counted > DISK_EVERY:
            self._counting = asyncio.get_running_loop().create_task(self._count())
        return self._disk.bytes

    async def _count(self) -> None:
        try:
            await asyncio.to_thread(self._disk.count)
        finally:
            self._counted = time.monotonic()
            self._counting = None


def is_at_rest(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two samples differ only by what also changes in a pub that does nothing."""
    (numbers, rest), (numbers_now, rest_now) = _apart(before), _apart(now)
    return rest == rest_now and all(abs(numbers_now[name] - numbers[name]) < NOISE[name] for name in NOISE)


def _apart(sample: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """The numbers of `NOISE`, and everything else but the uptime."""
    flat = {**sample, **{f"traffic.{name}": value for name, value in sample["traffic"].items()}}
    numbers = {name: flat.pop(name) for name in NOISE}
    return numbers, {name: value for name, value in flat.items() if name not in ("uptime", "traffic")}


async def _is_set(event: asyncio.Event, due: float) -> bool:
    """Wait for the event until `due`; returns whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(due):
            await event.wait()
    return event.is_set()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value == value and value > 0 else 0.0  # noqa: PLR0124 - not NaN


def _resident() -> int:
    """Resident memory in bytes."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - not one of our files
        return int(file.read().split()[1]) * _PAGE


def _uptime() -> float:
    """Seconds since the process started."""
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123
        # The program name, in parentheses, may contain anything.
        began = int(file.read().rpartition(b")")[2].split()[19])
    with open("/proc/uptime", "rb") as file:  # noqa: PTH123
        return float(file.read().split()[0]) - began / 100
