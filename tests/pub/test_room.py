"""However many silent peers connect, there is room for those whom the pub is for."""

import asyncio
import secrets
from contextlib import AsyncExitStack

import psutil

from scuttlekit import HandshakeFailed, KeyPair, Peer
from tests.pub.pubs import until
from tests.pub.test_rights import GUEST, MASTER, dialled

LITTLE = {"strangers": 3, "handshakes": 4}


async def figures(master: Peer):
    (seen,) = await master.collect("butt.figures", {}, limit=1)
    return seen


async def test_strangers_and_silent_peers_leave_room_for_others(make_pub):
    pub = make_pub(master=[MASTER.id], limits=LITTLE).start()
    async with AsyncExitStack() as stack:
        for _ in range(12):
            _, writer = await asyncio.open_connection("127.0.0.1", pub.config["port"])
            stack.callback(writer.close)
        refused = 0
        for _ in range(5):
            try:
                await stack.enter_async_context(dialled(pub, KeyPair.generate()))
            except HandshakeFailed:
                refused += 1
        assert refused == 2
        master = await stack.enter_async_context(dialled(pub, MASTER))
        await master.call("butt.offer", {"id": GUEST.id, "uses": 1, "note": "n", "expires": None})
        guest = await stack.enter_async_context(dialled(pub, GUEST))
        friend = KeyPair.generate()
        await guest.call("invite.use", {"feed": friend.id})
        await stack.enter_async_context(dialled(pub, friend))
        seen = await figures(master)
        assert seen["peers"] == {"in": 4, "out": 0}, "three strangers and the friend, not the guest"
        assert seen["refused"]["strangers"] == 2
        assert seen["refused"]["handshakes"] >= 8


async def test_peers_that_left_cost_nothing(make_pub):
    """With ssb-server's modules, each throwaway key took 50 kB for ever."""
    pub = make_pub(master=[MASTER.id]).start()
    process = psutil.Process(pub.process.pid)

    async def come_and_go(count: int) -> None:
        for _ in range(count // 10):
            await asyncio.gather(*(visit() for _ in range(10)))

    async def visit() -> None:
        async with dialled(pub, KeyPair.generate()) as peer:
            await peer.call("manifest", timeout=60)
        # And one whose handshake breaks off.
        _, writer = await asyncio.open_connection("127.0.0.1", pub.config["port"])
        writer.write(secrets.token_bytes(secrets.randbelow(65)))
        writer.close()

    async with dialled(pub, MASTER) as master:
        await come_and_go(300)
        before = process.memory_info().rss
        await come_and_go(600)
        assert process.memory_info().rss - before < 3_000_000
        assert (await figures(master))["peers"] == {"in": 0, "out": 0}
        until(lambda: process.num_fds() < 40)
