"""Epidemic broadcast trees: peers exchange how far they have each feed, and agree on who sends what.

Each side sends the other a clock of notes. A note says, for one feed that the side replicates, up to which
message it has the feed, and whether it wants the messages after that. The side that was dialled sends its
whole clock first, even if it is empty. Later notes update single feeds.

This package contains only the rules, for one program and all of its peers; it neither waits nor sends.
What is special about this implementation:

- Only the clock that a peer sends now counts. Nothing of it is kept when the peer leaves, and our own is
  always sent whole.
- Each wanted feed is requested from one peer at a time. Friends come before strangers, then peers that let us
  down least. If a peer claims to have more but sends nothing, another is asked, and this one again later.
- A peer that again requests messages we have just sent gets them after a random pause, because an app that
  receives the same messages from two peers at the same time may refuse both, over and over.
- Each feed takes a few bytes per peer. Feeds that we neither have nor want cost nothing, however many a peer
  names.

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
