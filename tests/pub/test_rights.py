"""Who may call what; and no argument, however odd, is more than an error for its sender."""

import asyncio
import base64
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from scuttlekit import Address, HandshakeFailed, KeyPair, Peer, RemoteError, ScuttlebuttError, connect
from scuttlekit.pub.calls.table import TABLE, Call, Who
from tests.pub.pubs import CAPS, Pub

NETWORK = base64.b64decode(CAPS["shs"])
MASTER, STRANGER, GUEST = (KeyPair(letter * 32) for letter in (b"m", b"s", b"g"))
ID = KeyPair(b"somebody whom nobody here knows.").id
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e300, "", "x", "@", "%", ID, ID.replace("@", "%"), "\ud800", "net:x:1~shs:y"),
    *([], [None], ["x"] * 200, {}, {"id": None}, {"id": {}}, {"id": ID, "limit": -1, "gt": "x", "live": 7}),
    *(
        {"feed": []},
        {"query": [{"$filter": []}, {"$map": {"a": ["b", 3]}}]},
        {"query": "["},
        {"dest": 5, "rel": []},
    ),
    *(
        {"type": 7, "text": "x"},
        {"host": 5, "port": {}, "key": []},
        {"source": ID, "dest": None},
        {"reverse": "yes"},
    ),
]


def dialled(pub: Pub, keys: KeyPair) -> Any:
    return connect(Address("127.0.0.1", pub.config["port"], pub.id), keys, network=NETWORK)


async def try_it(peer: Peer, call: Call, *args: Any, patience: float = 10) -> None:
    """Make a call of its kind. Raises the pub's error."""
    if call.kind == "source":
        await peer.collect(call.name, *args, limit=3, timeout=patience)
    elif call.kind in {"sync", "async"}:
        await peer.call(call.name, *args, timeout=patience)
    else:
        stream = peer.duplex(call.name, *args) if call.kind == "duplex" else peer.sink(call.name, *args)
        try:
            async with asyncio.timeout(patience):
                await anext(stream)
        finally:
            stream.abort()


async def is_allowed(peer: Peer, call: Call) -> bool:
    try:
        await try_it(peer, call, patience=0.3)
    except RemoteError as error:
        return "is not in list of allowed methods" not in str(error)
    except (ScuttlebuttError, StopAsyncIteration, TimeoutError):
        return True
    return True


@pytest.mark.parametrize(("keys", "who"), [(STRANGER, Who.ANYBODY), (GUEST, Who.GUEST), (MASTER, Who.MASTER)])
async def test_everybody_may_call_what_the_table_says(make_pub, keys, who):
    pub = make_pub(master=[MASTER.id]).start()
    async with dialled(pub, MASTER) as master:
        await master.call("butt.offer", {"id": GUEST.id, "uses": 5, "note": "n", "expires": None})
    async with dialled(pub, keys) as peer:
        for call in TABLE:
            assert await is_allowed(peer, call) is (call.who <= who), call


async def test_strangers_may_call_the_same_as_at_ssb_server(make_node_pub):
    """Every call that the table allows to everybody can be made there, and no others. It is not a room, and
    nobody signs in.
    """
    pub = make_node_pub(master=[MASTER.id]).start()
    async with dialled(pub, STRANGER) as peer:
        for call in TABLE:
            if not call.name.startswith(("room.", "tunnel.", "httpAuth.")):
                assert await is_allowed(peer, call) is (call.who == Who.ANYBODY), call


async def test_a_guest_replicates_like_a_stranger(make_pub):
    """Some apps stay on the connection that they opened with the code."""
    pub = make_pub(master=[MASTER.id]).start()
    friend = KeyPair.generate()
    async with dialled(pub, MASTER) as master, dialled(pub, GUEST) as early:
        for name in ("invite.use", "getAddress"):
            with pytest.raises(RemoteError, match="not in list of allowed methods"):
                await early.call(name, {"feed": friend.id})
        await master.call("butt.offer", {"id": GUEST.id, "uses": 2, "note": "n", "expires": None})
        async with dialled(pub, GUEST) as one, dialled(pub, GUEST) as other:
            said = await one.call("invite.use", {"feed": friend.id})
            assert await other.call("getAddress") == pub.address
            wanted = {"id": pub.id, "keys": False, "live": False}
            for peer in (one, other):
                assert await peer.collect("createHistoryStream", wanted, limit=9) == [said["value"]]
            (figures,) = await master.collect("butt.figures", {}, limit=1)
            assert figures["peers"]["in"] == 1, "who came before there was an invite; guests are no peers"


async def test_a_blocked_feed_can_connect_neither_directly_nor_with_an_invite(make_pub):
    pub = make_pub(master=[MASTER.id]).start()
    async with dialled(pub, MASTER) as master:
        await master.call("butt.offer", {"id": GUEST.id, "uses": 2, "note": "n", "expires": None})
        async with dialled(pub, GUEST) as guest:
            await guest.call("invite.use", {"feed": STRANGER.id})
            async with dialled(pub, STRANGER) as stranger:
                await master.call("friends.block", STRANGER.id, {})
                async with asyncio.timeout(10):
                    await asyncio.gather(stranger.closed, guest.closed)
        async with dialled(pub, GUEST) as guest:
            with pytest.raises(RemoteError, match="this pub blocks the feed"):
                await guest.call("invite.use", {"feed": STRANGER.id})
        with pytest.raises(HandshakeFailed):
            async with dialled(pub, STRANGER):
                pass
        (figures,) = await master.collect("butt.figures", {}, limit=1)
        assert figures["refused"]["blocked"] == 1
        assert (await master.call("butt.invites"))[0]["left"] == 1


async def test_several_guests_of_one_code_cannot_exceed_its_uses(make_pub):
    pub = make_pub(master=[MASTER.id]).start()
    async with dialled(pub, MASTER) as master, dialled(pub, MASTER) as again:
        await master.call("butt.offer", {"id": GUEST.id, "uses": 3, "note": "n", "expires": None})
        assert (
            await again.call("butt.offer", {"id": GUEST.id, "uses": 3, "note": "n", "expires": None}) is False
        )
        async with AsyncExitStack() as stack:
            guests = [await stack.enter_async_context(dialled(pub, GUEST)) for _ in range(6)]
            asked = [
                guest.call("invite.use", {"feed": KeyPair.generate().id}, timeout=60) for guest in guests
            ]
            answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, dict) for answer in answers) == 3
        assert {str(answer) for answer in answers if not isinstance(answer, dict)} == {"invite has expired"}
        assert await master.call("butt.invites") == []


@pytest.mark.parametrize("args", [*([odd] for odd in ODD), [], [1, 2, 3, 4, 5, 6, 7], [ID, ID, ID]], ids=repr)
async def test_no_argument_is_too_odd(odd_pub, args):
    async def tries(peer: Peer, call: Call) -> None:
        with suppress(ScuttlebuttError, StopAsyncIteration, TimeoutError):
            await try_it(peer, call, *args, patience=0.3 if call.kind != "async" else 10)

    async with dialled(odd_pub, MASTER) as peer:
        await asyncio.gather(*(tries(peer, call) for call in TABLE))
        (figures,) = await peer.collect("butt.figures", {}, limit=1)
    assert figures["refused"].get("faults", 0) == 0, odd_pub.output.read_text()
    assert odd_pub.process.poll() is None


@pytest.fixture(scope="module")
def odd_pub(built_pub, tmp_path_factory):
    pub = Pub(built_pub, tmp_path_factory.mktemp("odd") / "pub", master=[MASTER.id], fence=True).start()
    yield pub
    pub.kill()
