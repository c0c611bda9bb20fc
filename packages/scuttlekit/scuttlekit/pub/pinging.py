"""`gossip.ping`: two peers regularly send each other the time, so that neither believes the other is gone.

They take turns. One sends its time, and the other replies with its own; after a while it is the other's turn.
The peer that opened the stream begins.

Source: https://github.com/dominictarr/pull-ping
"""

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

from scuttlekit.peer import Peer
from scuttlekit.serving import StreamHandler
from scuttlekit.streams import Stream

EVERY: Final = 300.0
"""Seconds. ssb-server disconnects peers that were silent for ten minutes."""


async def ping(peer: Peer) -> None:
    """Keep a connection that we dialled alive until it closes. Raises ScuttlebuttError."""
    async with peer.duplex("gossip.ping", {"timeout": int(EVERY * 1000)}) as stream:
        await _take_turns(stream, first=True)


async def _answer(_peer: Peer, stream: Stream, *_: Any) -> None:
    await _take_turns(stream, first=False)


answered = StreamHandler(_answer, two_way=True)
"""The handler of `gossip.ping`."""


async def _take_turns(stream: Stream, *, first: bool) -> None:
    with suppress(StopAsyncIteration):
        while True:
            if first:
                await stream.send(_now())
                await anext(stream)
            else:
                await anext(stream)
                await stream.send(_now())
                await asyncio.sleep(EVERY)
            first = not first


def _now() -> int:
    return int(time.time() * 1000)
