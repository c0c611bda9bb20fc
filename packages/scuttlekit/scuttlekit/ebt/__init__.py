"""Epidemic broadcast trees: who tells whom how far they have which feed, and who sends what to whom.

Each side tells the other a clock of notes: of each feed that it replicates, how far it has it, and whether it wants to be
sent what comes after. Whoever was dialled tells its whole clock first, an empty one if need be. Later notes change single
feeds.

These are the rules alone, for one program and all of its peers; they neither wait nor send. What is special here:

- A clock is believed as it is told now. Nothing of it is kept when a peer leaves, and our own is always told whole.
- A feed that we want is asked of one peer at a time: the friend before the stranger, and whoever let us down less. When
  nothing comes although the peer said that it has more, another one is asked, and this one later again.
- Who asks again for what we have just sent gets it after a random pause: apps that two peers send the same messages at the
  same time may refuse both, over and over.
- State for a feed is a few bytes for each peer. Feeds that we neither have nor want cost nothing, however many are told.

Source: https://github.com/ssbc/epidemic-broadcast-trees and https://github.com/ssbc/ssb-ebt
"""

from scuttlekit.ebt.exchange import Due, Exchange
from scuttlekit.ebt.notes import MAX_SEQUENCE, NOT_REPLICATED, note, read_notes
from scuttlekit.ebt.remote import LONG_PATIENCE, PATIENCE, Remote

__all__ = [
    "LONG_PATIENCE",
    "MAX_SEQUENCE",
    "NOT_REPLICATED",
    "PATIENCE",
    "Due",
    "Exchange",
    "Remote",
    "note",
    "read_notes",
]
