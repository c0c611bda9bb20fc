"""Notes: what one side tells the other of a feed, in one whole number.

A note is `-1` where the feed is not replicated. Else it is the sequence up to which it is there, shifted left by one bit,
plus one where nothing of it is to be sent.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

NOT_REPLICATED: Final = -1
UNKNOWN: Final = -2
"""No note: nothing was told of the feed."""
DOUBTED: Final = -3
"""Kept where a peer said for the first time that it does not replicate a feed: it is told once more when there is news."""

MAX_SEQUENCE: Final = (1 << 30) - 1
"""Other programs count notes in 32 bits."""

_FEED_ID = re.compile(r"@[A-Za-z0-9+/]{43}=\.ed25519")


def note(sequence: int, *, wants: bool) -> int:
    """Write the note of somebody who has a feed up to `sequence`, and wants to be sent more or does not."""
    return sequence << 1 | (not wants)


def read_notes(value: Any, most: int) -> Mapping[str, int] | None:
    """Give the notes in what a peer sent, at most the first `most`; None if it is no clock at all.

    Names that are no feed ids are passed over: there were programs that asked for such. What is no whole number means
    that the feed is not replicated.
    """
    if isinstance(value, dict) and isinstance(value.get("clock"), dict):
        value = value["clock"]
    if not isinstance(value, dict):
        return None
    notes: dict[str, int] = {}
    for feed, told in value.items():
        if len(notes) >= most:
            break
        if _FEED_ID.fullmatch(feed):
            whole = isinstance(told, int) and not isinstance(told, bool) and told >= 0
            notes[feed] = min(told, MAX_SEQUENCE << 1 | told & 1) if whole else NOT_REPLICATED
    return notes
