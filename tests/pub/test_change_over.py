"""A data folder goes from one pub to the other and back, and never belongs to two at once."""

import pytest

from butt.sources.releases import build
from scuttlekit import connect
from tests.pub.test_ends import assert_ends
from tests.pub.test_invites import offered, use
from tests.stock import MASTER, STOCK, feed_of, stock_server


@pytest.fixture
def pubs(make_node_pub, make_pub):
    """A pub of each kind on one and the same data folder."""
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


def test_neither_starts_where_the_other_runs(make_node_pub, make_pub):
    for first, second in ((make_node_pub, make_pub), (make_pub, make_node_pub)):
        running = first(f"running-{first.__name__}").start()
        other = second(f"other-{second.__name__}", path=str(running.data)).spawn()
        assert_ends(other, 66, "folder-in-use", str(running.data))
        running.stop()


async def test_it_keeps_a_plain_ssb_server_out_and_is_kept_out_by_one(make_pub):
    stock = build(STOCK).path
    pub = make_pub().start()
    with pytest.raises(AssertionError, match="does not answer"):
        async with stock_server(stock, pub.folder, patience=5):
            pass
    assert "lock" in (pub.folder / "stock").read_text()
    pub.stop()
    async with stock_server(stock, pub.folder):
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


def test_uses_are_counted_from_the_feed_whichever_pub_it_was(client, pubs):
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


def test_an_index_of_the_other_pub_is_no_need(client, pubs):
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


async def test_a_plain_ssb_server_goes_on_with_its_folder(make_pub, client):
    pub = make_pub().start()
    for number in range(10):
        say(client, pub, str(number))
    pub.stop()
    client.hang_up()
    stock = build(STOCK).path
    async with stock_server(stock, pub.folder) as address, connect(address, MASTER) as peer:
        assert len(await feed_of(peer, 10)) == 10
        await peer.call("publish", {"type": "post", "text": "10"})
    pub.start()
    assert texts(client, pub) == [str(number) for number in range(11)]
