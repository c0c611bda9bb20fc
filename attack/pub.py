"""A pub elsewhere on the network with bad intentions, which knows the address of a bot."""

import asyncio
import random
import socket
from contextlib import ExitStack, suppress

from attack.attacker import Attacker
from scuttlekit import Address, KeyPair, Peer, connect
from tests.pub.test_strangers import PACKETS

SILENT = 600


def _address(attacker: Attacker) -> Address:
    return Address.parse(attacker.world.address)


def knocks_and_says_nothing(attacker: Attacker) -> None:
    to = _address(attacker)
    with ExitStack() as stack:
        opened = 0
        for _ in range(SILENT):
            with suppress(OSError):
                stack.enter_context(socket.create_connection((to.host, to.port), 2, (attacker.source(), 0)))
                opened += 1
        attacker.counts(f"{opened // 100 * 100} connections")
        attacker.waits(attacker.random.uniform(0.5, 8))


def knocks_with_noise(attacker: Attacker) -> None:
    to = _address(attacker)
    for _ in range(50):
        with socket.create_connection((to.host, to.port), 2) as one:
            one.sendall(attacker.random.randbytes(attacker.random.choice((1, 63, 64, 500, 1 << 20))))
        attacker.counts("knocked")


def comes_as_many(attacker: Attacker) -> None:
    """A hundred identities at once. Each is a stranger that completes a handshake."""

    async def one() -> None:
        with suppress(Exception):
            async with asyncio.timeout(5), connect(_address(attacker), KeyPair.generate()):
                attacker.counts("came in")
                await asyncio.sleep(1)
                return
        attacker.counts("kept out")

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(100)))

    asyncio.run(many())


def sends_every_packet(attacker: Attacker) -> None:
    async def sends(packets: list[bytes]) -> None:
        async with asyncio.timeout(10), connect(_address(attacker), KeyPair.generate()) as peer:
            for packet in packets * 20:
                peer._connection.write(packet)
            await asyncio.sleep(0.2)

    for packets in PACKETS.values():
        with suppress(Exception):
            asyncio.run(sends(packets))
        attacker.counts("sent")


def has_clocks_without_end(attacker: Attacker) -> None:
    """Replication notes about a hundred thousand feeds, each with its own sequence."""

    async def says(peer: Peer) -> None:
        clock = {KeyPair(random.randbytes(32)).id: 2**53 - 1 for _ in range(2000)}
        stream = peer.duplex("ebt.replicate", {"version": 3, "format": "classic"})
        for _ in range(50):
            await stream.send(clock)
        attacker.counts("100,000 clocks")

    async def meets() -> None:
        async with asyncio.timeout(10), connect(_address(attacker), KeyPair.generate()) as peer:
            await says(peer)

    try:
        asyncio.run(meets())
    except Exception as no:  # noqa: BLE001 - however the pub ends it
        attacker.counts(type(no).__name__)


TRICKS = [
    knocks_and_says_nothing,
    knocks_with_noise,
    comes_as_many,
    sends_every_packet,
    has_clocks_without_end,
]
