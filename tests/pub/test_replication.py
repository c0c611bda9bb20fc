"""Messages go from pub to pub, and the fence keeps a pub from its own network."""

import pytest

from tests.pub.pubs import until


def latest(client, pub, feed):
    try:
        return client.call(pub, "getLatest", feed)["value"]["sequence"]
    except (RuntimeError, TypeError):
        return 0


def test_messages_replicate_both_ways(make_pub, client):
    here, there = make_pub("here").start(), make_pub("there").start()
    for pub, other in ((here, there), (there, here)):
        client.call(pub, "publish", {"type": "contact", "contact": other.id, "following": True})
        client.call(pub, "publish", {"type": "post", "text": f"from {pub.id}"})
    client.call(here, "gossip.connect", there.address)
    until(lambda: latest(client, there, here.id) == 2)
    until(lambda: latest(client, here, there.id) == 2)
    client.call(there, "publish", {"type": "post", "text": "live"})
    until(lambda: latest(client, here, there.id) == 3)


@pytest.mark.parametrize("dialler", ["node", "python"])
def test_messages_replicate_between_the_two_kinds(make_node_pub, make_pub, client, dialler):
    pubs = {"node": make_node_pub("node").start(), "python": make_pub("python").start()}
    here = pubs.pop(dialler)
    (there,) = pubs.values()
    for number in range(300):
        client.call(there, "publish", {"type": "post", "text": str(number)})
    for pub, other in ((here, there), (there, here)):
        client.call(pub, "publish", {"type": "contact", "contact": other.id, "following": True})
    client.call(here, "gossip.connect", there.address)
    until(lambda: latest(client, here, there.id) == 301)
    until(lambda: latest(client, there, here.id) == 1)
    for number in range(3):
        client.call(there, "publish", {"type": "post", "text": "live"})
        client.call(here, "publish", {"type": "post", "text": "live"})
        until(lambda: latest(client, here, there.id) == 302 + number)  # noqa: B023
        until(lambda: latest(client, there, here.id) == 2 + number)  # noqa: B023


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"]
)
def test_a_fenced_pub_leaves_its_own_network_alone(make_pub, client, host):
    pub = make_pub(fence=True).start()
    key = client.generate()["public"].removesuffix(".ed25519")
    with pytest.raises(RuntimeError, match="an address on the public internet"):
        client.call(pub, "gossip.connect", f"net:{host}:9~shs:{key}")
