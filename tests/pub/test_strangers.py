"""Whatever peers send, the pub lives on: anybody who knows its address can connect."""

import asyncio
import base64
import hashlib
import hmac
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from scuttlekit import Address, KeyPair, Peer, RemoteError, connect
from scuttlekit.frames import encode
from tests.exports.living import add_blob
from tests.pub.pubs import CAPS, Pub, until

NETWORK = base64.b64decode(CAPS["shs"])
NOTHING = "%" + base64.b64encode(bytes(32)).decode() + ".sha256"


async def meets(pub: Pub, does: Callable[[Peer], Any], keys: KeyPair | None = None, **handlers: Any) -> None:
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    async with connect(address, keys or KeyPair.generate(), network=NETWORK, handlers=handlers) as peer:
        await does(peer)


def lives(pub: Pub, client: Any, at: int | None = None) -> bool:
    client.hang_up()
    return client.call(pub, "whoami") == {"id": pub.id} and pub.process.pid == (at or pub.process.pid)


def opens(name: str, *args: Any) -> bytes:
    return encode(1, {"name": name.split("."), "args": list(args), "type": "duplex"}, stream=True)


DEEP = b"[" * 200_000 + b"]" * 200_000
PACKETS = {
    "a request of nothing": [encode(1, None)],
    "a stream of nothing": [encode(1, None, stream=True)],
    "a request without a bottom": [struct.pack(">BIi", 2, len(DEEP), 1) + DEEP],
    "clocks of nothing": [opens("ebt.replicate", {"version": 3}), encode(1, None, stream=True)],
    "an answer that nobody asked for": [opens("ooo.stream"), encode(1, {NOTHING: {}}, stream=True)],
}


@pytest.mark.parametrize("packets", PACKETS.values(), ids=PACKETS)
async def test_no_packet_of_a_stranger_ends_the_pub(pub: Pub, client: Any, packets: list[bytes]):
    async def sends(peer: Peer) -> None:
        for packet in packets:
            peer._connection.write(packet)
            await asyncio.sleep(0.5)

    with suppress(Exception):
        await meets(pub, sends)
    assert lives(pub, client)


def test_no_invalid_handshake_ends_the_pub(pub: Pub, client: Any):
    """Before anybody has proven who they are: a key of zeros shares a secret with nobody."""
    nobody = bytes(32)
    greeting = hmac.new(NETWORK, nobody, hashlib.sha512).digest()[:32] + nobody
    with socket.create_connection(("127.0.0.1", pub.config["port"]), 10) as line:
        line.sendall(greeting)
        with suppress(ConnectionResetError):
            line.recv(64)
    assert lives(pub, client)


async def test_no_slice_of_a_blob_ends_the_pub(make_pub: Any, client: Any):
    owner = KeyPair.generate()
    pub = make_pub(master=[owner.id, client.keys["id"]]).start()
    blobs: list[str] = []

    async def adds(peer: Peer) -> None:
        blobs.append(await add_blob(peer, b"hello"))

    async def asks(peer: Peer) -> None:
        for start, end in ((1.5, 3), (-1, 3), (3, 1), (1e300, 2e300), ("0", "x1"), (None, None), (0, -9)):
            with suppress(RemoteError):
                await peer.collect("blobs.getSlice", {"id": blobs[0], "start": start, "end": end}, limit=9)
        assert await peer.collect("blobs.getSlice", {"id": blobs[0], "start": 1, "end": 3}, limit=9) == [
            b"el"
        ]

    await meets(pub, adds, owner)
    await meets(pub, asks)
    assert lives(pub, client)


async def test_an_interrupted_blob_leaves_nothing_open_and_nothing_behind(make_pub: Any, client: Any):
    owner = KeyPair.generate()
    pub = make_pub(master=[owner.id, client.keys["id"]]).start()
    blob = "&" + base64.b64encode(hashlib.sha256(b"never all of it").digest()).decode() + ".sha256"
    drafts = pub.data / "blobs" / "tmp"
    gone = asyncio.Event()

    async def wants(_peer: Peer, *_: Any) -> Any:
        yield {blob: 100_000}
        await gone.wait()

    async def gives(_peer: Peer, *_: Any) -> Any:
        yield bytes(1000)
        await gone.wait()

    async def wishes(peer: Peer) -> None:
        asking = asyncio.create_task(peer.call("blobs.want", blob, timeout=60))
        await asyncio.sleep(0.3)
        await meets(pub, breaks_off, None, **{"blobs.createWants": wants, "blobs.get": gives})
        asking.cancel()

    async def breaks_off(peer: Peer) -> None:
        await asyncio.to_thread(until, lambda: drafts.exists() and list(drafts.iterdir()))
        peer._connection._transport.abort()
        gone.set()

    with suppress(Exception):
        await meets(pub, wishes, owner)
    await asyncio.to_thread(until, lambda: not list(drafts.iterdir()))
    assert not opened_below(drafts, pub)
    assert lives(pub, client)


def opened_below(place: Path, pub: Pub) -> list[str]:
    files = psutil.Process(pub.process.pid).open_files()
    return [file.path for file in files if file.path.startswith(str(place))]


def test_no_invalid_port_ends_the_pub(pub: Pub, client: Any):
    key = client.generate()["id"][1:].removesuffix(".ed25519")
    for port in (65536, 99999):
        with suppress(RuntimeError):
            client.call(pub, "gossip.connect", f"net:127.0.0.1:{port}~shs:{key}")
    assert lives(pub, client)


def test_no_extra_argument_with_an_invite_ends_the_pub(pub: Pub, client: Any):
    keys = client.generate()
    client.call(pub, "butt.offer", {"id": keys["id"], "uses": 1, "note": "n", "expires": None})
    client.call(pub, "invite.use", {"feed": client.generate()["id"]}, "more", keys=keys)
    assert lives(pub, client)
