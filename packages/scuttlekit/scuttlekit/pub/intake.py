"""Taking in what peers send of feeds: each message is checked before it is stored, and a bad one ends nothing but itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Any, Final

from scuttlekit.canonical import parse
from scuttlekit.errors import InvalidFormat, InvalidMessage, ProtocolError
from scuttlekit.messages import Head, Message, Unverified, check, verify_many
from scuttlekit.pub.store import Store

SLICE: Final = 64
"""Messages that are checked and stored at once, before others have their turn: some 3 ms, and 4 ms in the thread."""

FEW: Final = 4
"""So few signatures are verified at once, without the thread."""

_VERIFIER: Final = ThreadPoolExecutor(1, "verify")
"""One thread for all peers. libsodium computes without Python's lock, so that the loop goes on meanwhile."""


class Outcome(Enum):
    """What became of a message."""

    TAKEN = 0
    KNOWN = 1
    """It is stored already."""
    BAD = 2
    """It breaks a rule, or does not follow what is stored."""


def parsed(body: bytes) -> Any:
    """The JSON that a peer sent. Raises ProtocolError."""
    try:
        return parse(body)
    except InvalidFormat as error:
        raise ProtocolError(f"what was sent is no JSON that anybody could work on: {error}") from None


def is_message(value: Any) -> bool:
    """Whether a value is meant as a message, right or wrong, and not as notes."""
    if not isinstance(value, dict):
        return False
    sequence = value.get("sequence")
    return isinstance(value.get("author"), str) and isinstance(sequence, int) and sequence > 0


class Intake:
    """Takes in what one peer sends. The signatures of some messages are verified in a thread while the next ones are read.

    `hear` is told the feed of each message, how far the peer has that feed, and what became of the message, in the order
    in which they came.
    """

    def __init__(self, store: Store, hear: Callable[[str, int, Outcome], None]) -> None:
        self._store = store
        self._hear = hear
        self._under_way: _Batch | None = None

    async def take(self, values: Iterable[dict[str, Any]]) -> None:
        """Check messages and store those that are right; the last ones are stored by the next `take`, or by `finish`.

        Raises NotReady, OSError, and what `hear` raises.
        """
        before, self._under_way = self._under_way, self._begin(values)
        if before is not None:
            self._keep(before, await before.signed)

    async def finish(self) -> None:
        """Store what is under way. Raises as `take` does."""
        before, self._under_way = self._under_way, None
        if before is not None:
            self._keep(before, await before.signed)

    def _begin(self, values: Iterable[dict[str, Any]]) -> "_Batch":
        """Check everything but signatures, and begin to verify these."""
        batch = _Batch(self._under_way.heads if self._under_way else {})
        for value in values:
            feed, sequence = value["author"], value["sequence"]
            head = batch.head(feed, self._store.head(feed))
            if head is not None and sequence <= head.sequence:
                batch.told.append((feed, sequence, head, Outcome.KNOWN))
                continue
            try:
                batch.add(feed, sequence, head, check(value, head))
            except InvalidMessage:
                batch.told.append((feed, sequence, head, Outcome.BAD))
        batch.verify()
        return batch

    def _keep(self, batch: "_Batch", signed: Sequence[bool]) -> None:
        right: list[Message] = []
        told: list[tuple[str, int, Outcome]] = []
        heads: dict[str, Head | None] = {}
        unverified = zip(batch.unverified, signed, strict=True)
        for feed, sequence, expected, found in batch.told:
            outcome = found
            # Another peer may have been quicker, and what this message was to follow may have turned out to be bad.
            head = heads[feed] if feed in heads else self._store.head(feed)
            is_known = head is not None and sequence <= head.sequence
            if found is Outcome.TAKEN:
                one, is_signed = next(unverified)
                if is_known:
                    outcome = Outcome.KNOWN
                elif is_signed and head == expected:
                    heads[feed] = one.message.head
                    right.append(one.message)
                else:
                    outcome = Outcome.BAD
            elif found is Outcome.KNOWN and not is_known:
                outcome = Outcome.BAD
            told.append((feed, sequence, outcome))
        if right:
            self._store.append(right)
        for each in told:
            self._hear(*each)


class _Batch:
    """Messages whose signatures are verified together. `before` are the heads that the batch before it leads to."""

    def __init__(self, before: Mapping[str, Head]) -> None:
        self.told: list[tuple[str, int, Head | None, Outcome]] = []
        """Feed, sequence, what it has to follow, and what becomes of it if its signature is right."""
        self.unverified: list[Unverified] = []
        self.heads: dict[str, Head] = {}
        """The last message of each feed in it, should all be right."""
        self.signed: Awaitable[Sequence[bool]]
        self._before = before

    def head(self, feed: str, stored: Head | None) -> Head | None:
        """What the next message of a feed has to follow."""
        head = self.heads.get(feed) or self._before.get(feed)
        return head if head is not None and (stored is None or head.sequence > stored.sequence) else stored

    def add(self, feed: str, sequence: int, head: Head | None, one: Unverified) -> None:
        self.told.append((feed, sequence, head, Outcome.TAKEN))
        self.unverified.append(one)
        self.heads[feed] = one.message.head

    def verify(self) -> None:
        # Forget the batch before, or each would hold all that came before it.
        self._before = {}
        loop = asyncio.get_running_loop()
        if len(self.unverified) < FEW:
            self.signed = loop.create_future()
            self.signed.set_result(verify_many(self.unverified))
        else:
            self.signed = loop.run_in_executor(_VERIFIER, verify_many, self.unverified)


def slices(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """The same in pieces, after each of which others should have their turn."""
    for start in range(0, len(values), SLICE):
        yield values[start : start + SLICE]
