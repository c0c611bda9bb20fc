"""Taking in what peers send of feeds: each message is checked before it is stored, and a bad one ends nothing but itself."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final

from scuttlekit.canonical import parse
from scuttlekit.errors import InvalidFormat, InvalidMessage, ProtocolError
from scuttlekit.messages import Head, Message, validate
from scuttlekit.pub.store import Store

SLICE: Final = 64
"""Messages that are checked and stored at once, before others have their turn: some 6 ms."""


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


def take_in(
    store: Store, values: Iterable[dict[str, Any]], hear: Callable[[str, int, Outcome], None]
) -> None:
    """Check messages in the order in which they came, and store those that are right.

    `hear` is told the feed of each, how far the peer that sent it has that feed, and what became of it. Raises NotReady,
    OSError.
    """
    heads: dict[str, Head | None] = {}
    right: list[Message] = []
    told: list[tuple[str, int, Outcome]] = []
    for value in values:
        feed, sequence = value["author"], value["sequence"]
        head = heads[feed] if feed in heads else store.head(feed)
        if head is not None and sequence <= head.sequence:
            told.append((feed, sequence, Outcome.KNOWN))
            continue
        try:
            message = validate(value, head)
        except InvalidMessage:
            told.append((feed, sequence, Outcome.BAD))
            continue
        heads[feed] = message.head
        right.append(message)
        told.append((feed, sequence, Outcome.TAKEN))
    if right:
        store.append(right)
    for one in told:
        hear(*one)


def slices(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """The same in pieces, after each of which others should have their turn."""
    for start in range(0, len(values), SLICE):
        yield values[start : start + SLICE]
