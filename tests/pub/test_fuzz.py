"""Whatever strangers, guests, friends and masters send, the pub lives, answers others, and has no fault to tell of.

`FUZZ=20` in the environment tries twenty times as many examples, which takes ten minutes: with `--timeout 0`.
"""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import Address, ConnectionLost, InvalidMessage, KeyPair, Peer, ScuttlebuttError, dial
from scuttlekit.canonical import parse
from scuttlekit.messages import Head, Message, create
from scuttlekit.private import box
from scuttlekit.pub.calls.table import TABLE, Who
from tests.pub.pubs import CAPS, Pub
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.peers import examples
from tests.scuttlekit.wires import wires

NETWORK = base64.b64decode(CAPS["shs"])
MASTER, FRIEND, GUEST, STRANGER = (KeyPair(letter * 32) for letter in (b"m", b"f", b"g", b"s"))
NOON = 1_700_000_000_000
MOST_MEMORY = 128 << 20
PATIENCE = 30

BLOB = "&" + base64.b64encode(bytes(32)).decode() + ".sha256"
MESSAGE = "%" + base64.b64encode(bytes(32)).decode() + ".sha256"
NOWHERE = f"net:127.0.0.1:1~shs:{FRIEND.id[1:45]}"

ids = st.sampled_from(
    [MASTER.id, FRIEND.id, GUEST.id, STRANGER.id, BLOB, MESSAGE, NOWHERE, "post", "contact"]
)
"""No address leads out of this machine."""

options = st.sampled_from(
    "id feed key keys values live old reverse limit seq sequence gt gte lt lte start end source dest rel type private "
    "meta hash hash2 max size hops version format query note uses expires name following blocking state recps".split()
)
amounts = st.sampled_from("0 1 2 3 -1 1.5 1e21 1e999 9007199254740993 true false null".split())


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(options.map(json.dumps) | ids.map(json.dumps), values).map(":".join)
    return st.lists(member, max_size=5).map(lambda found: f"{{{','.join(found)}}}")


arguments = st.recursive(
    ids.map(json.dumps) | amounts | texts,
    lambda inner: _objects(inner) | st.tuples(inner).map("[%s]".__mod__),
    max_leaves=6,
)
calls = st.sampled_from([(call.name, call.kind) for call in TABLE])
open_calls = st.sampled_from([(call.name, call.kind) for call in TABLE if call.who is Who.ANYBODY])


class Watched:
    """A pub, and a master who looks at it all the time, on a loop that runs as long as something is awaited."""

    def __init__(self, pub: Pub) -> None:
        self.pub = pub
        self.runner = asyncio.Runner()
        self.master: Peer | None = None
        self.head: Head | None = None
        self.process = psutil.Process(pub.process.pid)

    async def dial(self, keys: KeyPair) -> Peer:
        address = Address("127.0.0.1", self.pub.config["port"], self.pub.id)
        return await dial(address, keys, network=NETWORK, timeout=PATIENCE)

    async def begin(self) -> None:
        self.master = await self.dial(MASTER)
        await self.ask("butt.offer", {"id": GUEST.id, "uses": 1000, "note": "n", "expires": None})
        await self.ask("publish", {"type": "contact", "contact": FRIEND.id, "following": True})
        await self.says({"type": "post", "text": "hello"})

    async def ask(self, name: str, *args: Any) -> Any:
        return await self.master.call(name, *args, timeout=PATIENCE)

    async def says(self, content: Any) -> Message:
        """Have the friend's next message taken in."""
        message = create(content, FRIEND, self.head, NOON)
        await self.ask("add", message.value)
        self.head = message.head
        return message

    async def hears(self, keys: KeyPair, pieces: list[bytes]) -> None:
        peer = await self.dial(keys)
        connection = peer._connection
        with suppress(ScuttlebuttError):
            for piece in pieces:
                connection.write(piece)
                await asyncio.sleep(0)
            # Whoever hangs up at once is not even heard.
            await asyncio.wait([connection.closed], timeout=0.01)
        connection.fail(ConnectionLost("the peer is gone"))

    async def is_well(self) -> None:
        assert await self.ask("whoami") == {"id": self.pub.id}
        (figures,) = await self.master.collect("butt.figures", {}, limit=1, timeout=PATIENCE)
        assert figures["refused"].get("faults", 0) == 0, self.pub.output.read_text()[-4000:]
        assert self.process.memory_info().rss < MOST_MEMORY


@pytest.fixture(scope="module")
def watched(built_pub, tmp_path_factory) -> Iterator[Watched]:
    pub = Pub(built_pub, tmp_path_factory.mktemp("fuzzed") / "pub", master=[MASTER.id], fence=True).start()
    watched = Watched(pub)
    with watched.runner:
        watched.runner.run(watched.begin())
        yield watched
        watched.runner.run(watched.master.close())
    pub.kill()


@examples(80)
@given(st.sampled_from([MASTER, FRIEND, GUEST, STRANGER]), wires(calls, arguments))
def test_no_call_and_no_frame_of_anybody_is_too_odd(watched, keys, pieces):
    async def work() -> None:
        await watched.hears(keys, pieces)
        await watched.is_well()

    watched.runner.run(work())


@examples(50)
@given(st.sampled_from([FRIEND, STRANGER]), wires(open_calls, arguments, most=20))
def test_nothing_in_the_calls_that_are_open_to_all_is_too_odd(watched, keys, pieces):
    async def work() -> None:
        await watched.hears(keys, pieces)
        await watched.is_well()

    watched.runner.run(work())


@examples(60)
@given(st.sampled_from("post contact about pub vote channel".split()), _objects(arguments), st.booleans())
def test_no_message_of_a_friend_is_too_odd(watched, kind, content, is_private):
    content = {"type": kind, **parse(content.encode())}

    async def work() -> None:
        try:
            message = await watched.says(box(content, [MASTER.id, watched.pub.id]) if is_private else content)
        except InvalidMessage:
            # Its type was another, or it was too long: nobody would take it.
            return
        assert await watched.ask("get", message.key) == message.value
        indexes = (await watched.ask("progress"))["indexes"]
        assert indexes["current"] == indexes["target"]
        for name in (
            "links",
            "createLogStream",
            "friends.stream",
            "messagesByType",
            "query.read",
            "private.read",
        ):
            options = {"type": kind, "private": True, "values": True, "limit": 3, "reverse": True}
            await watched.master.collect(name, options, limit=3, timeout=PATIENCE)
        await watched.is_well()

    watched.runner.run(work())


@examples(60)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_no_greeting_is_too_odd(watched, pieces):
    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", watched.pub.config["port"])
        # A pub that has hung up already is no fault: on a busy machine the greeting comes too late.
        with suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            await reader.read()
        writer.close()
        await watched.is_well()

    watched.runner.run(work())


def test_after_all_that_it_starts_again_in_good_order(watched):
    """What was taken in is read again at each start."""
    assert watched.pub.stop() == 0
    watched.pub.start()

    async def work() -> None:
        watched.master = await watched.dial(MASTER)
        await watched.is_well()

    watched.process = psutil.Process(watched.pub.process.pid)
    watched.runner.run(work())
    assert not [line for line in watched.pub.lines if line["level"] != "info"]
