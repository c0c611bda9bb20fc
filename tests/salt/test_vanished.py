"""A machine whose power fails says no goodbye: peers that are connected to a bot there notice all the
same.
"""

import asyncio
import sys

from scuttlekit import Address, KeyPair, connect
from scuttlekit.errors import ConnectionLost
from tests.salt.land import Land

BOT, WE = KeyPair(b"b" * 32), KeyPair(b"w" * 32)
SERVE = """
import asyncio
from scuttlekit import KeyPair, serve
async def live():
    async with serve("0.0.0.0", 8008, KeyPair(b"b" * 32)):
        print("listening", flush=True)
        await asyncio.sleep(600)
asyncio.run(live())
"""


async def test_a_peer_whose_machine_vanished_without_a_goodbye_is_noticed(land: Land):
    place = land.settle()
    listening = await asyncio.create_subprocess_exec(
        *place.command(sys.executable, "-c", SERVE), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert listening.stdout is not None
        assert await listening.stdout.readline() == b"listening\n"
        async with connect(Address(place.address, 8008, BOT.id), WE) as peer:
            place.ip("link", "set", "eth0", "down")
            async with asyncio.timeout(60):
                await peer.closed
            assert isinstance(peer.reason, ConnectionLost)
    finally:
        listening.kill()
        await listening.wait()
