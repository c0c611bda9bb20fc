"""Pubs that only replicate, in this process: a store, its replication and a server, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scuttlekit import KeyPair, Peer, dial, serve
from scuttlekit.ebt import note, read_notes
from scuttlekit.errors import ScuttlebuttError
from scuttlekit.pub.blobs import BlobStore
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.quota import Quota
from scuttlekit.pub.replication import FORMAT, Replication
from scuttlekit.pub.store import Store
from tests.scuttlekit.peers import eventually
from tests.scuttlekit.store.voices import Voice

if TYPE_CHECKING:
    from scuttlekit.network import Server

PATIENCE = 20
EVERYTHING = ("ebt.replicate", "createHistoryStream")


class Pub:
    """A pub, and what it publishes."""

    def __init__(self, folder: Path, name: str, hops: int, limits: dict[str, int]) -> None:
        self.keys = KeyPair(name.encode().ljust(32, b"."))
        self.limits = Limits(limits)
        self.store = Store.open(folder / name, self.keys)
        blobs = BlobStore(folder / name)
        quota = Quota(folder / name, self.store, blobs, self.limits)
        self.replication = Replication(self.store, self.keys, hops=hops, limits=self.limits, quota=quota)
        self.server: Server | None = None
        self.works: set[asyncio.Task] = set()

    @property
    def id(self) -> str:
        return self.keys.id

    def has(self, feed: str) -> int:
        return self.store.clock.get(feed, 0)

    async def follows(self, *feeds: str) -> None:
        for feed in feeds:
            await self.store.publish({"type": "contact", "contact": feed, "following": True})

    async def blocks(self, feed: str) -> None:
        await self.store.publish({"type": "contact", "contact": feed, "blocking": True})

    async def posts(self, count: int) -> None:
        for number in range(count):
            await self.store.publish({"type": "post", "text": str(number)})

    async def dials(self, other: "Pub") -> Peer:
        peer = await dial(other.server.address, self.keys, handlers=self.replication.handlers())
        self.accompanies(peer, dialled=True)
        return peer

    def accompanies(self, peer: Peer, *, dialled: bool) -> None:
        async def work() -> None:
            with suppress(ScuttlebuttError):
                await self.replication.meet(peer, dialled=dialled)

        task = asyncio.get_running_loop().create_task(work())
        self.works.add(task)
        task.add_done_callback(self.works.discard)


@asynccontextmanager
async def running(
    folder: Path, name: str, *, hops: int = 2, offers: Container[str] = EVERYTHING, **limits: int
) -> AsyncIterator[Pub]:
    """A pub that answers the replication calls that it `offers`."""
    pub = Pub(folder, name, hops, limits)
    await pub.store.index()
    keeping = asyncio.get_running_loop().create_task(pub.replication.run())
    handlers = {name: how for name, how in pub.replication.handlers().items() if name in offers}
    try:
        async with serve("127.0.0.1", 0, pub.keys, handlers) as pub.server:
            yield pub
    finally:
        for task in (keeping, *pub.works):
            task.cancel()
        await asyncio.gather(keeping, *pub.works, return_exceptions=True)
        pub.store.close()
        if not keeping.cancelled() and keeping.exception():
            raise keeping.exception()


class Guest:
    """Somebody who speaks EBT by hand: what they received is in `clock` and `messages`."""

    def __init__(self, pub: Pub, voice: Voice, peer: Peer) -> None:
        self.pub = pub
        self.voice = voice
        self.peer = peer
        self.stream = peer.duplex("ebt.replicate", FORMAT)
        self.clock: dict[str, int] = {}
        self.messages: list[dict[str, Any]] = []
        self.error: ScuttlebuttError | None = None
        self.listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async for value in self.stream:
                if "author" in value:
                    self.messages.append(value)
                else:
                    self.clock |= read_notes(value, 10_000)
        except ScuttlebuttError as error:
            self.error = error

    def sequences(self, feed: str) -> list[int]:
        return [message["sequence"] for message in self.messages if message["author"] == feed]

    async def tells(self, **notes: int) -> None:
        await self.stream.send(notes)

    async def tell(self, feed: str, sequence: int, *, wants: bool) -> None:
        await self.stream.send({feed: note(sequence, wants=wants)})

    async def sends(self, *messages: Any) -> None:
        await self.stream.send_all([getattr(message, "value", message) for message in messages])


@asynccontextmanager
async def guest(pub: Pub, voice: Voice) -> AsyncIterator[Guest]:
    peer = await dial(pub.server.address, voice.keys)
    one = Guest(pub, voice, peer)
    try:
        yield one
    finally:
        one.listening.cancel()
        await peer.close()


async def until(true: Callable[[], object]) -> None:
    await eventually(true, within=PATIENCE)


async def settled(look: Callable[[], object], seconds: float = 0.3) -> Any:
    """Its state once it has not changed for a while."""
    before, since = look(), asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - since < seconds:
        await asyncio.sleep(0.02)
        if (now := look()) != before:
            before, since = now, asyncio.get_running_loop().time()
    return before


Make = Callable[..., Awaitable[Pub]]
