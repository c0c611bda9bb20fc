"""`greeting.hello(name)`, async, for everybody who gets through the handshake: a line of welcome."""

from typing import Any

from scuttlekit import Peer, RemoteError
from scuttlekit.pub.calls.table import Addition, Call, Who
from scuttlekit.serving import Handlers

LONGEST = 80


def handlers(own_id: str) -> Handlers:
    """What answers the call in the pub that has this id."""

    async def hello(_peer: Peer, name: Any) -> str:
        if not isinstance(name, str) or not 1 <= len(name) <= LONGEST:
            raise RemoteError(f"A name has 1 to {LONGEST} letters.")
        return f"Hello, {name}! I am {own_id}."

    return {"greeting.hello": hello}


GREETING = Addition(calls=(Call("greeting.hello", "async", Who.ANYBODY),), handlers=handlers)
