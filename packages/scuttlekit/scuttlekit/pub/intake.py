"""Storing feed messages from peers. Each is validated first, and a bad one affects nothing else."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from scuttlekit.canonical import parse
from scuttlekit.errors import InvalidFormat, InvalidMessage, ProtocolError
from scuttlekit.messages import Head, Message, validate
from scuttlekit.pub.store import Store

SLICE: Final = 32
"""Messages checked at a time before other tasks run: about 3 ms."""

MOST_HELD: Final = 256 << 10
"""About how many bytes of checked messages are stored at a time, since each transaction of the index is costly."""


class IntakeResult(Enum):
    """The result for a message."""

    TAKEN = 0
    KNOWN = 1
    """It was already stored."""
    BAD = 2
    """It is invalid, or does not follow the last stored message."""


def parsed(body: bytes) -> Any:
    """Parse JSON from a peer. Raises ProtocolError."""
    try:
        return parse(body)
    except InvalidFormat as error:
        raise ProtocolError(f"what was sent is not acceptable JSON: {error}") from None


def is_message(value: Any) -> bool:
    """Whether a value is meant as a message, valid or not, rather than as EBT notes."""
    if not isinstance(value, dict):
        return False
    sequence = value.get("sequence")
    return isinstance(value.get("author"), str) and isinstance(sequence, int) and sequence > 0


class Intake:
    """Takes the messages that one peer sends. They are checked a slice at a time, and stored many at a time.

    `hear` is called for each message, in order, with its feed, its sequence number and the result.
    """

    def __init__(self, store: Store, hear: Callable[[str, int, IntakeResult], None]) -> None:
        self._store = store
        self._hear = hear
        self._checked: list[_Checked] = []
        self._heads: dict[str, Head] = {}
        """The last message of each feed that is checked but not stored yet."""
        self._held = 0

    def check(self, values: Iterable[dict[str, Any]]) -> None:
        """Check the next messages, and store them once many wait. Raises as `keep` does."""
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
        """Store the valid messages. Raises NotReady, OSError, and what `hear` raises."""
        checked, self._checked = self._checked, []
        self._heads.clear()
        self._held = 0
        heads: dict[str, Head | None] = {}
        right: list[Message] = []
        outcomes: list[IntakeResult] = []
        for feed, sequence, expected, outcome, message in checked:
            # Another peer may have delivered it since it was checked.
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
        """The message that the next one of a feed must follow."""
        checked, stored = self._heads.get(feed), self._store.head(feed)
        if checked is None or (stored is not None and stored.sequence > checked.sequence):
            return stored
        return checked


class _Checked(NamedTuple):
    """A checked message, the head that it must follow, and its result so far."""

    feed: str
    sequence: int
    head: Head | None
    outcome: IntakeResult
    message: Message | None = None


def slices(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Split values into slices. Other tasks should run after each slice."""
    for start in range(0, len(values), SLICE):
        yield values[start : start + SLICE]
