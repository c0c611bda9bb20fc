"""A guest with bad intentions: somebody who was let in to one bot by an invite."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress

from attack.attacker import Attacker
from scuttlekit import Address, InviteCode, KeyPair, Peer, ScuttlebuttError, connect
from tests.scuttlekit.wires import framed

PATIENCE = 5.0
BLOB = "&" + base64.b64encode(bytes(32)).decode() + ".sha256"
FEED = KeyPair(b"e" * 32)
_let_in: list[Attacker] = []


def looks_without_end(attacker: Attacker) -> None:
    """Uses the invite's page, which shows its code to anybody who asks for it."""
    with attacker.visitor("127.0.4.1") as me:
        for _ in range(100):
            attacker.counts(str(me.asks("GET", attacker.world.join, Accept="text/html").status))


def lets_many_in(attacker: Attacker) -> None:
    """Takes more than the invite allows."""
    for _ in range(20):
        if attacker.is_over:
            return
        try:
            asyncio.run(InviteCode.parse(attacker.world.invite).use(KeyPair.generate().id, timeout=PATIENCE))
            attacker.counts("let in")
            _let_in.append(attacker)
            if len(_let_in) > attacker.world.uses:
                attacker.found(f"an invite for {attacker.world.uses} let {len(_let_in)} in")
        except ScuttlebuttError:
            attacker.counts("refused")


def asks_the_pub_for_all(attacker: Attacker) -> None:
    async def asks(peer: Peer) -> None:
        everything = {"id": peer.id, "live": True, "limit": -1, "seq": 0}
        streams = [
            *(peer.listen("createHistoryStream", everything) for _ in range(300)),
            *(peer.listen("blobs.createWants") for _ in range(50)),
        ]
        calls = [peer.call("blobs.has", BLOB, timeout=PATIENCE) for _ in range(500)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        attacker.counts(
            f"{sum(not isinstance(each, BaseException) for each in answers) // 100 * 100} answers"
        )
        assert streams

    _meets(attacker, asks)


def tries_what_masters_may(attacker: Attacker) -> None:
    async def asks(peer: Peer) -> None:
        for name, *given in (
            ("publish", {"type": "post", "text": "owned"}),
            ("butt.offer", {"id": peer.id, "uses": 1, "note": "n", "expires": None}),
            ("invite.create", 1),
            ("gossip.connect", "net:127.0.0.1:1~shs:" + FEED.id[1:45]),
            ("blobs.want", BLOB),
        ):
            try:
                await peer.call(name, *given, timeout=PATIENCE)
                attacker.found(f"a guest was let call {name}")
            except ScuttlebuttError:
                attacker.counts("refused")

    _meets(attacker, asks)


def speaks_nonsense(attacker: Attacker) -> None:
    chance = attacker.random
    names = ("ebt.replicate", "createHistoryStream", "blobs.get", "tunnel.connect", "whoami", "x" * 9000)

    async def says(peer: Peer) -> None:
        for number in range(1, 200):
            body = chance.choice(
                (
                    f'{{"name":["{chance.choice(names)}"],"args":[{{"version":3}}],"type":"duplex"}}'.encode(),
                    b"[" * 200_000,
                    chance.randbytes(2000),
                    b'{"%s":-1}' % FEED.id.encode(),
                )
            )
            peer._connection.write(framed(chance.choice((2, 10, 14, 255)), number, body))
            await asyncio.sleep(0)
        attacker.counts("200 frames")
        await asyncio.sleep(0.2)

    _meets(attacker, says)


def lives_in_the_room(attacker: Attacker) -> None:
    """Connects and disconnects without end, takes aliases, and opens tunnels to everybody in the room."""

    async def meets(peer: Peer) -> None:
        for _ in range(100):
            for name in ("tunnel.announce", "tunnel.leave"):
                with suppress(ScuttlebuttError):
                    await peer.call(name, timeout=PATIENCE)
        there = (await peer.collect("room.attendants", limit=1, timeout=PATIENCE))[0]["ids"]
        tunnels = [
            peer.duplex("tunnel.connect", {"portal": peer.id, "target": feed})
            for feed in (*there, FEED.id, peer.id, "x" * 5000) * 50
        ]
        for number in range(100):
            with suppress(ScuttlebuttError):
                await peer.call("room.registerAlias", f"a{number}", "x.sig.ed25519", timeout=PATIENCE)
                attacker.found("an alias without a signature was taken")
        attacker.counts(f"{len(tunnels)} tunnels")

    _meets(attacker, meets)


def _meets(attacker: Attacker, does: Callable[[Peer], Awaitable[None]]) -> None:
    async def meets() -> None:
        # Whoever used the invite before is already a member.
        with suppress(ScuttlebuttError):
            await InviteCode.parse(attacker.world.invite).use(FEED.id, timeout=PATIENCE)
        async with asyncio.timeout(20), connect(Address.parse(attacker.world.address), FEED) as peer:
            await does(peer)

    with suppress(ExceptionGroup):
        asyncio.run(meets())


TRICKS = [
    looks_without_end,
    lets_many_in,
    asks_the_pub_for_all,
    lives_in_the_room,
    tries_what_masters_may,
    speaks_nonsense,
]
