"""Taking in what peers send of feeds: each message is checked before it is stored, and a bad one ends nothing but itself."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from scuttlekit.canonical import parse
from scuttlekit.errors import InvalidFormat, InvalidMessage, ProtocolError
from scuttlekit.messages import Head, Message, validate
from scuttlekit.pub.store import Store

SLICE: Final = 32
"""Messages that are checked at once, before others have their turn: some 3 ms."""

MOST_HELD: Final = 256 << 10
"""Bytes of checked messages that wait to be stored, about: each transaction of the index has its price."""


class IntakeResult(Enum):
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
    """Takes in what one peer sends: messages are checked a slice at a time, and stored many at once.

    `hear` is told the feed of each message, how far the peer has that feed, and what became of the message, in the order
    in which they came.
    """

    def __init__(self, store: Store, hear: Callable[[str, int, IntakeResult], None]) -> None:
        self._store = store
        self._hear = hear
        self._checked: list[_Checked] = []
        self._heads: dict[str, Head] = {}
        """The last message of each feed that is checked and not stored yet."""
        self._held = 0

    def check(self, values: Iterable[dict[str, Any]]) -> None:
        """Check the next messages; if many wait to be stored, store them. Raises as `keep` does."""
        for value in values:
            feed, sequence = value["author"], value["sequence"]
            head = self._head(feed)
            if head is not None and sequence <= head.sequence:
                self._checked.append(_Checked(feed, sequence, head, IntakeResult.KNOWN))
                continue
            try:
                message = validate(value, head)
            except InvalidMessage:
                self._checked.append(_Checked(feed, sequence, head, IntakeResult.BAD))
            else:
                self._checked.append(_Checked(feed, sequence, head, IntakeResult.TAKEN, message))
                self._heads[feed] = message.head
                self._held += len(message.text)
        if self._held > MOST_HELD:
            self.keep()

    def keep(self) -> None:
        """Store those that are right. Raises NotReady, OSError, and what `hear` raises."""
        checked, self._checked = self._checked, []
        self._heads.clear()
        self._held = 0
        heads: dict[str, Head | None] = {}
        right: list[Message] = []
        outcomes: list[IntakeResult] = []
        for feed, sequence, expected, outcome, message in checked:
            # Another peer may have been quicker since it was checked.
            head = heads[feed] if feed in heads else self._store.head(feed)
            if head is not None and sequence <= head.sequence:
                outcomes.append(IntakeResult.KNOWN)
            elif message is None or head != expected:
                outcomes.append(IntakeResult.BAD)
            else:
                heads[feed] = message.head
                right.append(message)
                outcomes.append(outcome)
        if right:
            self._store.append(right)
        for one, outcome in zip(checked, outcomes, strict=True):
            self._hear(one.feed, one.sequence, outcome)

    def _head(self, feed: str) -> Head | None:
        """What the next message of a feed has to follow."""
        checked, stored = self._heads.get(feed), self._store.head(feed)
        if checked is None or (stored is not None and stored.sequence > checked.sequence):
            return stored
        return checked


class _Checked(NamedTuple):
    """A message that was checked, what it was to follow, and what is to become of it."""

    feed: str
    sequence: int
    head: Head | None
    outcome: IntakeResult
    message: Message | None = None


def slices(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """The same in pieces, after each of which others should have their turn."""
    for start in range(0, len(values), SLICE):
        yield values[start : start + SLICE]
