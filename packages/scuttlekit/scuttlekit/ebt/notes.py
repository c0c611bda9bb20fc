"""Notes: what one side tells the other about a feed, as one integer.

A note is `-1` if the feed is not replicated. Otherwise it is the sequence up to which the side has the feed,
shifted left by one bit, plus one if the side does not want to receive it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

NOT_REPLICATED: Final = -1
UNKNOWN: Final = -2
"""No note was received for the feed."""
DOUBTED: Final = -3
"""A peer said for the first time that it does not replicate a feed. It is told once more when there is news."""

MAX_SEQUENCE: Final = (1 << 30) - 1
"""Other programs store notes in 32 bits."""

_FEED_ID = re.compile(r"@[A-Za-z0-9+/]{43}=\.ed25519")


def note(sequence: int, *, wants: bool) -> int:
    """Encode the note of a side that has a feed up to `sequence`, and wants more of it or not."""
    return sequence << 1 | (not wants)


def read_notes(value: Any, most: int) -> Mapping[str, int] | None:
    """Read the notes that a peer sent, at most the first `most`; None if the value is not a clock.

    Names that are not feed ids are skipped, since some programs sent such. A value that is not a non-negative
    integer means that the feed is not replicated.
    """
    if isinstance(value, dict) and isinstance(value.get("clock"), dict):
        value = value["clock"]
    if not isinstance(value, dict):
        return None
    notes: dict[str, int] = {}
    for feed, number in value.items():
        if len(notes) >= most:
            break
        if _FEED_ID.fullmatch(feed):
            whole = isinstance(number, int) and not isinstance(number, bool) and number >= 0
            notes[feed] = min(number, MAX_SEQUENCE << 1 | number & 1) if whole else NOT_REPLICATED
    return notes
