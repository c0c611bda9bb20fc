"""The room by itself: who sees whom, and what goes through a tunnel."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import KeyPair, Peer, RemoteError, ScuttlebuttError, Server, connect
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.room import MeetingRoom, Mode, attendants
from scuttlekit.pub.room.attendants import Attendants
from scuttlekit.serving import SourceHandler, StreamHandler
from scuttlekit.streams import Stream
from tests.scuttlekit.peers import eventually, few

PUB, ALICE, BOB, CAROL, STRANGER, KEY = (
    KeyPair(letter * 32) for letter in (b"p", b"a", b"b", b"c", b"s", b"k")
)
MEMBERS = (ALICE, BOB, CAROL)
ECHO = b"a" * 1000
NOWHERE = Path("/nowhere")
"""No room here is told anything, or has an alias."""


class Door:
    """A server that is nothing but a room."""

    def __init__(self, mode: Mode = Mode.COMMUNITY, **limits: int) -> None:
        self.limits = Limits(limits)
        self.follows = {keys.id for keys in MEMBERS}
        self.blocks: set[str] = set()
        self.room = MeetingRoom(
            NOWHERE,
            mode,
            PUB.id,
            self.limits,
            follows=lambda feed: feed in self.follows,
            blocks=lambda feed: feed in self.blocks,
            is_key=lambda feed: feed == KEY.id,
        )
        self.server = Server(
            PUB,
            {
                "room.attendants": SourceHandler(self._attendants),
                "tunnel.leave": self._leave,
                "tunnel.connect": StreamHandler(self.room.tunnels.connect, two_way=True),
            },
        )

    async def _attendants(self, peer: Peer) -> Any:
        async with aclosing(self.room.attendants.watch(peer, self.room.privacy.is_internal)) as turns:
            async for events in turns:
                for event in events:
                    yield event

    async def _leave(self, peer: Peer) -> None:
        self.room.attendants.leave(peer)

    @asynccontextmanager
    async def comes(self, keys: KeyPair, answers: Callable[..., Any] | None = None) -> AsyncIterator[Peer]:
        """Somebody in the room, and what they do with a tunnel that leads to them."""
        handler = StreamHandler(answers, two_way=True) if answers else None
        async with connect(
            self.server.address, keys, handlers={"tunnel.connect": handler} if handler else None
        ) as peer:
            if answers:
                events = peer.source("room.attendants")
                await anext(events)
                try:
                    yield peer
                finally:
                    await events.aclose()
            else:
                yield peer

    def tunnel(self, peer: Peer, target: KeyPair, portal: KeyPair = PUB) -> Stream:
        return peer.duplex("tunnel.connect", {"portal": portal.id, "target": target.id})


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    await door.server.start("127.0.0.1", 0)
    try:
        async with asyncio.timeout(20):
            yield door
    finally:
        await door.server.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened(Door()) as door:
        yield door


async def echoes(_peer: Peer, stream: Stream, *_: Any) -> None:
    async for value in stream:
        await stream.send(value)


async def reads_nothing(_peer: Peer, stream: Stream, *_: Any) -> None:
    await stream.send(ECHO)
    await asyncio.Event().wait()


async def says_nothing(_peer: Peer, _stream: Stream, *_: Any) -> None:
    await asyncio.Event().wait()


async def refuses(_peer: Peer, _stream: Stream, *_: Any) -> None:
    raise RemoteError("I am not at home")


async def floods(stream: Stream) -> None:
    while True:
        await stream.send(bytes(50_000))


async def goes_through(stream: Stream) -> None:
    await stream.send(ECHO)
    assert await anext(stream) == ECHO


async def is_refused(stream: Stream, why: str = "not in this room") -> None:
    with pytest.raises(RemoteError, match=why):
        await anext(stream)


# Who is there


async def test_members_are_told_who_comes_and_who_goes(door):
    async with door.comes(ALICE) as alice, aclosing(alice.source("room.attendants")) as told:
        assert await anext(told) == {"type": "state", "ids": [ALICE.id]}
        async with door.comes(BOB, echoes):
            assert await anext(told) == {"type": "joined", "id": BOB.id}
        assert await anext(told) == {"type": "left", "id": BOB.id}


async def test_a_newer_connection_takes_the_place_of_the_older(door):
    async with door.comes(ALICE) as alice, aclosing(alice.source("room.attendants")) as told:
        await anext(told)
        async with door.comes(BOB, refuses):
            assert await anext(told) == {"type": "joined", "id": BOB.id}
            async with door.comes(BOB, echoes):
                assert [(await anext(told))["type"] for _ in range(2)] == ["left", "joined"]
                await goes_through(door.tunnel(alice, BOB))


async def test_strangers_and_keys_of_invites_see_nobody_and_are_not_seen(door):
    async with door.comes(ALICE, echoes):
        for keys in (STRANGER, KEY):
            async with door.comes(keys) as peer, aclosing(peer.source("room.attendants")) as told:
                assert await anext(told) == {"type": "state", "ids": []}
                assert door.room.attendants.ids == [ALICE.id]


async def test_following_and_unfollowing_opens_and_closes_the_room(door):
    door.follows.remove(BOB.id)
    async with (
        door.comes(ALICE, echoes),
        door.comes(BOB) as bob,
        aclosing(bob.source("room.attendants")) as told,
    ):
        assert await anext(told) == {"type": "state", "ids": []}
        door.follows.add(BOB.id)
        door.room.review()
        assert await anext(told) == {"type": "state", "ids": [ALICE.id, BOB.id]}
        door.follows.remove(BOB.id)
        door.room.review()
        assert await anext(told) == {"type": "state", "ids": []}
        assert door.room.attendants.ids == [ALICE.id]


async def test_coming_and_going_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(attendants, "GATHER", 0)
    async with opened(Door(comings=3)) as door, door.comes(ALICE) as alice:
        for _ in range(3):
            await alice.collect("room.attendants", limit=1)
            await alice.call("tunnel.leave")
        with pytest.raises(RemoteError, match="reconnect first"):
            await alice.collect("room.attendants", limit=1)
        assert door.limits.refused == {"comings": 1}
    async with opened(Door()) as door, door.comes(ALICE) as alice:
        await alice.collect("room.attendants", limit=1)


@pytest.mark.parametrize(
    ("mode", "sees"),
    [(Mode.OPEN, True), (Mode.COMMUNITY, False), (Mode.RESTRICTED, False), (Mode.NONE, False)],
)
async def test_only_an_open_room_shows_strangers_who_is_there(mode, sees):
    async with opened(Door(mode)) as door, door.comes(STRANGER) as stranger:
        (state,) = await stranger.collect("room.attendants", limit=1)
        assert state["ids"] == ([STRANGER.id] if sees else [])


class Visitor:
    """Somebody who comes, goes and is gone, without a connection."""

    def __init__(self, feed: str) -> None:
        self.id = feed
        self.is_open = True
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()


@few
@given(
    st.lists(st.tuples(st.sampled_from("join leave gone unfollow follow look".split()), st.integers(0, 4)))
)
def test_every_listener_learns_in_the_end_who_is_there(steps):
    """Whatever happens, and however much of it happens while they do not look."""

    async def lives() -> None:
        room = Attendants(1000, lambda _: None)
        follows = {str(number) for number in range(5)}
        visitors = {feed: Visitor(feed) for feed in follows}
        watcher = Visitor("watcher")
        watching = room.watch(watcher, lambda feed: feed == "watcher" or feed in follows)
        known: set[str] = set()

        hears(known, await anext(watching))
        for what, number in steps:
            feed = str(number)
            match what:
                case "join" if feed in follows:
                    room.join(visitors[feed])
                case "leave":
                    room.leave(visitors[feed])
                case "gone":
                    visitors[feed].closed.set_result(None)
                    visitors[feed] = Visitor(feed)
                    await asyncio.sleep(0)
                case "follow":
                    follows.add(feed)
                case "unfollow":
                    follows.discard(feed)
                case "look":
                    hears(known, await anext(watching)) if known != set(room.ids) else None
            room.review(lambda feed: feed == "watcher" or feed in follows)
        while known != set(room.ids):
            hears(known, await anext(watching))
        await watching.aclose()

    def hears(known: set[str], events: list[dict[str, Any]]) -> None:
        for event in events:
            match event:
                case {"type": "state", "ids": ids}:
                    known.clear()
                    known.update(ids)
                case {"type": "joined", "id": feed}:
                    assert feed not in known
                    known.add(feed)
                case {"type": "left", "id": feed}:
                    known.remove(feed)

    before = attendants.GATHER, attendants.KEPT
    attendants.GATHER, attendants.KEPT = 0, 8
    try:
        asyncio.run(asyncio.wait_for(lives(), 10))
    finally:
        attendants.GATHER, attendants.KEPT = before


# Tunnels


async def test_a_tunnel_carries_both_ways_and_names_the_caller(door):
    origins = []

    async def answers(_peer: Peer, stream: Stream, asked: Any) -> None:
        origins.append(asked)
        await echoes(_peer, stream)

    async with door.comes(BOB, answers), door.comes(ALICE) as alice:
        tunnel = door.tunnel(alice, BOB)
        for size in (1, 34, 4096, 70_000, 1 << 20):
            await tunnel.send(bytes([7]) * size)
            came = b""
            while len(came) < size:
                came += await anext(tunnel)
            assert came == bytes([7]) * size
        assert origins == [{"portal": PUB.id, "target": BOB.id, "origin": ALICE.id}]
        assert door.room.figures() == {"attendants": 1, "tunnels": 1, "aliases": 0}
        tunnel.abort()
        await eventually(lambda: door.room.figures()["tunnels"] == 0)


async def test_a_tunnel_needs_a_present_member_and_a_permitted_caller(door):
    async with door.comes(BOB, echoes) as bob, door.comes(ALICE) as alice, door.comes(KEY) as key:
        await is_refused(door.tunnel(alice, CAROL))
        await is_refused(door.tunnel(alice, PUB))
        await is_refused(door.tunnel(bob, BOB))
        await is_refused(door.tunnel(key, BOB))
        await is_refused(door.tunnel(alice, BOB, portal=CAROL), "must be this room")
        for odd in (
            None,
            5,
            [],
            {"portal": PUB.id},
            {"portal": PUB.id, "target": "x" * 100_00},
            {"target": []},
        ):
            await is_refused(alice.duplex("tunnel.connect", odd), "takes")


@pytest.mark.parametrize("mode", list(Mode))
async def test_strangers_reach_members_if_the_mode_allows_it(mode):
    async with opened(Door(mode)) as door, door.comes(STRANGER) as stranger, door.comes(BOB, echoes):
        if mode in {Mode.OPEN, Mode.COMMUNITY}:
            await goes_through(door.tunnel(stranger, BOB))
        else:
            await is_refused(door.tunnel(stranger, BOB))


async def test_a_refusal_of_the_attendant_is_passed_on(door):
    async with door.comes(BOB, refuses), door.comes(ALICE) as alice:
        await is_refused(door.tunnel(alice, BOB), "not at home")


async def test_both_ends_end_together(door):
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def answers(peer: Peer, stream: Stream, *_: Any) -> None:
        with suppress(ScuttlebuttError):
            await echoes(peer, stream)
        ended.put_nowait("attendant")

    async with door.comes(ALICE) as alice:
        async with door.comes(BOB, answers):
            tunnel = door.tunnel(alice, BOB)
            await goes_through(tunnel)
            tunnel.abort()
            assert await ended.get() == "attendant"
            async with door.comes(CAROL) as carol:
                await goes_through(door.tunnel(carol, BOB))
            assert await ended.get() == "attendant"
            tunnel = door.tunnel(alice, BOB)
            await goes_through(tunnel)
        with suppress(ScuttlebuttError, StopAsyncIteration):
            await anext(tunnel)
        await eventually(lambda: len(door.room.tunnels) == 0)


@pytest.mark.parametrize("how", ["block", "unfollow"])
async def test_a_tunnel_ends_with_the_right_to_it(door, how):
    async with door.comes(BOB, echoes), door.comes(ALICE) as alice, door.comes(CAROL) as carol:
        one, other = door.tunnel(alice, BOB), door.tunnel(carol, ALICE)
        await is_refused(other)
        await goes_through(one)
        if how == "block":
            door.blocks.add(ALICE.id)
        else:
            door.follows.remove(BOB.id)
        door.room.review()
        with pytest.raises(StopAsyncIteration):
            await anext(one)
        await is_refused(door.tunnel(alice, BOB))


@pytest.mark.parametrize(
    ("bound", "who"),
    [
        ("tunnels", ALICE),
        ("tunnelsOfOne", ALICE),
        ("strangeTunnels", STRANGER),
        ("strangeTunnelsOfOne", STRANGER),
    ],
)
async def test_the_number_of_tunnels_is_bounded(bound, who):
    async with opened(Door(**{bound: 2})) as door, door.comes(BOB, echoes), door.comes(who) as peer:
        tunnels = [door.tunnel(peer, BOB) for _ in range(2)]
        for tunnel in tunnels:
            await goes_through(tunnel)
        await is_refused(door.tunnel(peer, BOB), "too many tunnels")
        assert door.limits.refused == {bound: 1}
        tunnels[0].abort()
        await eventually(lambda: len(door.room.tunnels) == 1)
        await goes_through(door.tunnel(peer, BOB))


async def test_strangers_leave_room_for_members(door):
    async with door.comes(BOB, echoes), door.comes(STRANGER) as stranger, door.comes(ALICE) as alice:
        for _ in range(door.limits["strangeTunnelsOfOne"]):
            await goes_through(door.tunnel(stranger, BOB))
        await is_refused(door.tunnel(stranger, BOB), "too many tunnels")
        await goes_through(door.tunnel(alice, BOB))


async def test_a_slow_reader_holds_the_sender_back_and_loses_nothing(door):
    go = asyncio.Event()
    read = bytearray()

    async def reads_late(_peer: Peer, stream: Stream, *_: Any) -> None:
        await stream.send(ECHO)
        await go.wait()
        async for value in stream:
            read.extend(value)

    whole = bytes(range(256)) * 4 * 16
    sent = 0

    async def sends(tunnel: Stream) -> None:
        nonlocal sent
        for number in range(2000):
            await tunnel.send(whole[number % 7 :])
            sent += len(whole[number % 7 :])

    async with door.comes(BOB, reads_late), door.comes(ALICE) as alice:
        tunnel = door.tunnel(alice, BOB)
        assert await anext(tunnel) == ECHO
        sending = asyncio.ensure_future(sends(tunnel))
        held = -1
        while held != sent:
            held = sent
            await asyncio.sleep(0.2)
        assert not sending.done()
        assert sent < 16 << 20, "what the sockets hold, and a little"
        go.set()
        await sending
        await eventually(lambda: len(read) == sent)
        assert read == b"".join(whole[number % 7 :] for number in range(2000))


@pytest.mark.parametrize(
    ("bound", "answers"), [("tunnelOpening", says_nothing), ("tunnelStall", reads_nothing)]
)
async def test_an_end_that_does_nothing_ends_the_tunnel(bound, answers):
    async with opened(Door(**{bound: 0})) as door, door.comes(BOB, answers), door.comes(ALICE) as alice:
        tunnel = door.tunnel(alice, BOB)
        with pytest.raises(ScuttlebuttError):
            await floods(tunnel)
        await eventually(lambda: len(door.room.tunnels) == 0)
        assert set(door.limits.refused) == {bound}


async def test_anything_but_bytes_ends_the_tunnel(door):
    async with door.comes(BOB, echoes), door.comes(ALICE) as alice:
        tunnel = door.tunnel(alice, BOB)
        await goes_through(tunnel)
        await tunnel.send({"no": "box stream"})
        await is_refused(tunnel, "only carry bytes")
