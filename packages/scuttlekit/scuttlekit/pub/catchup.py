"""Catching up: a pub moved from elsewhere may lack messages of its own feed, and must not reuse their numbers.

So it publishes nothing until peers who have its feed had nothing newer for `QUIET` seconds, or a person says
that there is nothing newer. The file `caught-up` records this.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from scuttlekit.canonical import parse
from scuttlekit.errors import InvalidMessage, RemoteError, ScuttlebuttError
from scuttlekit.files import write_whole
from scuttlekit.messages import Head, message_id, validate
from scuttlekit.peer import Peer
from scuttlekit.pub.exits import Refusal
from scuttlekit.pub.log import log
from scuttlekit.pub.store import Store

QUIET: Final = 10.0
PATIENCE: Final = 20.0
BEAT: Final = 0.5
REST: Final = QUIET / 5
MOST_PEERS: Final = 100
HUSH: Final = "the pub is catching up with its own messages, and publishes nothing until then"


class CatchUp:
    """Fetches the pub's own messages from its peers while it `is_active`."""

    def __init__(
        self, folder: Path, store: Store, own_id: str, *, wanted: bool, end: Callable[[Refusal], NoReturn]
    ) -> None:
        self._file = folder / "caught-up"
        self._store = store
        self._own_id = own_id
        self._end = end
        self._peers: set[Peer] = set()
        self._asking = asyncio.Lock()
        self._is_due = asyncio.Event()
        self._quiet_since: float | None = None
        self._known = self._seen = 0
        self.is_active = wanted and not self._file.exists()

    def check(self) -> None:
        """Raise RemoteError if the pub must not publish yet."""
        if self.is_active:
            raise RemoteError(HUSH)

    def meet(self, peer: Peer) -> None:
        """Add a peer to ask."""
        if self.is_active and len(self._peers) < MOST_PEERS:
            self._peers.add(peer)
            peer.closed.add_done_callback(lambda _: self._peers.discard(peer))
            self._is_due.set()

    async def run(self, known: int) -> None:
        """Ask peers until the pub has all messages that they have, and at least number `known`. Raises OSError."""
        if not self.is_active:
            return
        self._known, self._seen = known, self._latest
        log(
            "info",
            "catching-up",
            "The pub is fetching its own messages from its peers, and publishes nothing until then.",
        )
        while self.is_active:
            await asyncio.sleep(BEAT)
            if self._peers:
                await self._weigh(*await self._ask())

    async def told(self) -> bool:
        """Accept a person's word that there are no newer messages. Raises RemoteError if the pub knows better."""
        if not self.is_active:
            return True
        _, news = await self._ask()
        latest = self._latest
        if latest < self._known:
            raise RemoteError(
                f"the feed is known to have reached message {self._known}, and here it ends at {latest}"
            )
        if news:
            raise RemoteError("newer messages are just coming in")
        self._finish()
        return True

    @property
    def _latest(self) -> int:
        head = self._head
        return head.sequence if head else 0

    @property
    def _head(self) -> Head | None:
        return self._store.head(self._own_id)

    async def _weigh(self, answered: bool, news: bool) -> None:
        now = asyncio.get_running_loop().time()
        if news or not answered:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif self.is_active and now - self._quiet_since >= QUIET and self._latest >= self._known:
            self._finish()
            return
        if not news:
            self._is_due.clear()
            try:
                async with asyncio.timeout(REST):
                    await self._is_due.wait()
            except TimeoutError:
                return

    def _finish(self) -> None:
        latest = self._latest
        write_whole(self._file, f"{latest}\n", lasting=True)
        self.is_active = False
        log("info", "caught-up", f"The pub has its own messages up to {latest}, and may publish.")

    async def _ask(self) -> tuple[bool, bool]:
        """Ask all peers once. Returns whether any has the feed as far as we do, and whether there were new messages."""
        async with self._asking:
            answers = await asyncio.gather(*(self._ask_one(peer) for peer in tuple(self._peers)))
            latest = self._latest
            # This includes what replication brought since the last round.
            news, self._seen = latest > self._seen, latest
            return any(answers), news

    async def _ask_one(self, peer: Peer) -> bool:
        """Ask from our last message on, not after it: a peer that sends it has our feed, and a fork shows."""
        arguments = {"id": self._own_id, "seq": max(1, self._latest), "live": False, "keys": False}
        last = 0
        try:
            stream = peer.listen("createHistoryStream", arguments)
        except ScuttlebuttError:
            return False
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    frames = await stream.take()
                if not frames:
                    return last > 0
                for frame in frames:
                    value = parse(frame.body)
                    sequence = value.get("sequence") if isinstance(value, dict) else None
                    if not isinstance(sequence, int) or sequence <= last or not self._is_own(value):
                        return False
                    last = sequence
                    self._take(value, sequence)
        except (ScuttlebuttError, TimeoutError):
            return False
        finally:
            stream.abort()

    def _take(self, value: dict[str, Any], sequence: int) -> None:
        """Store one of our own messages from a peer. End the pub if it conflicts with ours."""
        head = self._head
        if head is not None and sequence == head.sequence and message_id(value) != head.key:
            self._end(_forked(sequence))
        if head is not None and sequence == head.sequence + 1 and value["previous"] != head.key:
            self._end(_forked(head.sequence))
        # Replication may already have stored this message.
        if sequence == (head.sequence if head else 0) + 1:
            self._store.append([validate(value, head)])

    def _is_own(self, value: dict[str, Any]) -> bool:
        """Whether the pub's key signed this message, wherever it belongs in the feed."""
        previous = value.get("previous")
        sequence = value["sequence"]
        head = Head(sequence - 1, previous) if sequence > 1 and isinstance(previous, str) else None
        try:
            return validate(value, head).author == self._own_id
        except InvalidMessage:
            return False


def _forked(sequence: int) -> Refusal:
    return Refusal(
        "feed-forked",
        f"A peer has another message {sequence} of the pub's own feed, signed with its key: the identity ran in two "
        "places, and the feed is forked. This cannot be repaired: start with a new identity.",
    )
