"""A data folder goes from one pub to the other and back, and never belongs to two at once."""

import asyncio
import hashlib
import signal
import time
from base64 import b64encode

import pytest

from scuttlekit import Address, KeyPair, RemoteError, connect
from scuttlekit.canonical import compact
from scuttlekit.offsetlog import framed
from tests.exports.living import add_blob
from tests.pub.pubs import until
from tests.pub.test_ends import assert_ends
from tests.pub.test_invites import offered, use
from tests.pub.test_strangers import NETWORK
from tests.stock import MASTER, StockServer, feed_of, stock_server

MANY = 100_000
BEGAN = 1_700_000_000_000
SIGNATURE = f"{b64encode(bytes(64)).decode()}.sig.ed25519"


@pytest.fixture
def pubs(make_node_pub, make_pub):
    """A pub of each kind on the same data folder."""
    node = make_node_pub("node")
    return node, make_pub("python", path=str(node.data), port=node.config["port"])


def say(client, pub, text):
    return client.call(pub, "publish", {"type": "post", "text": text})["value"]["sequence"]


def texts(client, pub):
    feed = client.call(pub, "createUserStream", {"id": pub.id}, count=100)
    return [message["value"]["content"].get("text") for message in feed]


def moved(client, one, other):
    """Stop one pub and start the other where it was."""
    one.stop()
    client.hang_up()
    return other.start()


def test_neither_pub_starts_while_the_other_runs(make_node_pub, make_pub):
    for first, second in ((make_node_pub, make_pub), (make_pub, make_node_pub)):
        running = first(f"running-{first.__name__}").start()
        other = second(f"other-{second.__name__}", path=str(running.data)).spawn()
        assert_ends(other, 66, "folder-in-use", str(running.data))
        running.stop()


async def test_our_pub_and_a_plain_ssb_server_keep_each_other_out(make_pub, built_stock):
    pub = make_pub().start()
    stock = StockServer(built_stock, pub.folder)
    stock.spawn()
    try:
        until(lambda: "lock" in stock.output)
        with pytest.raises(AssertionError, match="does not answer"):
            await stock.answers(patience=1)
    finally:
        stock.kill()
    pub.stop()
    async with stock_server(built_stock, pub.folder):
        assert_ends(pub.spawn(), 66, "folder-in-use", str(pub.data))


def test_every_message_and_invite_goes_along_and_back(client, pubs):
    node, python = pubs
    node.start()
    before = node.id
    say(client, node, "one")
    twice, once, revoked = (
        offered(client, node, uses=2, note="a"),
        offered(client, node, note="b"),
        offered(client, node),
    )
    use(client, node, twice)

    moved(client, node, python)
    assert python.event("listening")["id"] == before
    invites = client.call(python, "butt.invites", {"all": True})
    assert {invite["id"]: (invite["uses"], invite["used"]) for invite in invites} == {
        twice["id"]: (2, 1),
        once["id"]: (1, 0),
        revoked["id"]: (1, 0),
    }
    use(client, python, twice)
    use(client, python, once)
    client.call(python, "butt.revoke", revoked["id"])
    assert client.call(python, "butt.invites") == []
    assert say(client, python, "two") == 5

    moved(client, python, node)
    assert [text for text in texts(client, node) if text] == ["one", "two"]
    assert say(client, node, "three") == 6

    moved(client, node, python)
    assert client.call(python, "butt.invites") == []
    assert say(client, python, "four") == 7
    assert [text for text in texts(client, python) if text] == ["one", "two", "three", "four"]


def test_uses_are_counted_from_the_feed_of_either_pub(client, pubs):
    node, python = pubs
    node.start()
    keys = offered(client, node, uses=3, note="a")
    moved(client, node, python)
    use(client, python, keys)
    moved(client, python, node)
    use(client, node, keys)
    moved(client, node, python)
    (invite,) = client.call(python, "butt.invites")
    assert (invite["used"], invite["left"]) == (2, 1)


def test_the_index_of_the_other_pub_is_not_needed(client, pubs):
    """Both keep files beside the log that the other does not know, and that may be behind it."""
    node, python = pubs
    node.start()
    for number in range(20):
        say(client, node, str(number))
    moved(client, node, python)
    for number in range(20, 40):
        say(client, python, str(number))
    moved(client, python, node)
    for number in range(40, 60):
        say(client, node, str(number))
    moved(client, node, python)
    assert texts(client, python) == [str(number) for number in range(60)]


async def test_a_plain_ssb_server_and_our_pub_continue_each_others_folder(make_pub, built_stock):
    """With every message and every blob, there and back."""
    pub = make_pub(master=[MASTER.id]).start()
    said, blobs = [], []

    async def says(peer, *contents):
        """Everything from before is there, and more after it."""
        assert list((await feed_of(peer, 1000)).values()) == said
        for number, data in enumerate(blobs):
            blob = f"&{b64encode(hashlib.sha256(data).digest()).decode()}.sha256"
            assert b"".join(await peer.collect("blobs.get", blob, limit=1000)) == data, number
        said.extend(
            [(await peer.call("publish", {"type": "post", "text": str(n)}))["key"] for n in range(10)]
        )
        for data in contents:
            await add_blob(peer, data)
            blobs.append(data)

    for first, second in ((b"one", b"x" * 300_000), (b"two", b"y" * 70_000)):
        async with connect(Address.parse(pub.address), MASTER, network=NETWORK) as peer:
            await says(peer, first)
        assert pub.stop() == 0
        async with stock_server(built_stock, pub.folder) as address, connect(address, MASTER) as peer:
            await says(peer, second)
        pub.start()
    async with connect(Address.parse(pub.address), MASTER, network=NETWORK) as peer:
        await says(peer)


async def test_it_answers_while_it_makes_its_index_of_a_large_folder_of_an_ssb_server(make_pub, built_stock):
    pub = make_pub(master=[MASTER.id])
    friend = KeyPair.generate().id
    async with stock_server(built_stock, pub.folder) as address, connect(address, MASTER) as peer:
        await peer.call("publish", {"type": "contact", "contact": friend, "following": True})
    log = pub.data / "flume" / "log.offset"
    with log.open("ab") as file:
        file.write(framed(posts(friend, MANY), file.tell())[0])
    pub.spawn()
    until(lambda: _is_held_up(pub) and pub.event("listening"))
    assert pub.event("indexing")
    async with connect(Address.parse(pub.address), MASTER, network=NETWORK) as peer:
        assert await peer.call("whoami") == {"id": address.key}
        indexes = (await peer.call("progress"))["indexes"]
        assert indexes["current"] < indexes["target"] == log.stat().st_size
        while not (latest := await latest_of(peer, friend)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert latest["value"]["sequence"] == MANY
        (figures,) = await peer.collect("butt.figures", {}, limit=1)
        assert (figures["messages"], figures["feeds"]) == (MANY + 1, 2)


async def latest_of(peer, feed):
    """None until it is indexed."""
    try:
        return await peer.call("getLatest", feed)
    except RemoteError as refused:
        assert "being indexed" in str(refused)


def posts(author, count):
    """Messages as a log holds them. Nobody checks signatures of stored messages."""
    key = None
    for number in range(1, count + 1):
        content = {"type": "post", "text": f"{number}"}
        value = {"previous": key, "author": author, "sequence": number, "timestamp": BEGAN + number}
        value |= {"hash": "sha256", "content": content, "signature": SIGNATURE}
        key = f"%{b64encode(hashlib.sha256(content['text'].encode()).digest()).decode()}.sha256"
        yield compact({"key": key, "value": value, "timestamp": BEGAN + number})


def _is_held_up(pub) -> bool:
    """Give it a tenth of the time, as on a slow machine: here its index would be ready before it accepts
    connections.
    """
    pub.process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    pub.process.send_signal(signal.SIGCONT)
    return True
