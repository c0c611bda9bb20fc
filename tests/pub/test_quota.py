"""A pub with little disk among peers that flood it."""

import pytest

from tests.pub.pubs import until

MOST = 1_500_000
FLOOD = [{"type": "post", "text": f"{number} " + "x" * 7000} for number in range(100)]


@pytest.fixture
def pubs(make_pub, client):
    """A pub that may use little, and a member of it."""
    here = make_pub("here", limits={"disk": MOST}).start()
    there = make_pub("there").start()
    client.call(here, "publish", {"type": "contact", "contact": there.id, "following": True})
    client.call(there, "publish", {"type": "contact", "contact": here.id, "following": True})
    return here, there


def room(client, pub):
    return client.call(pub, "butt.figures", {}, count=1)[0]["room"]


def latest(client, pub, feed):
    try:
        return client.call(pub, "getLatest", feed)["value"]["sequence"]
    except RuntimeError:
        return 0


def test_a_flood_of_a_friends_friend_ends_before_members_are_refused(pubs, client):
    here, there = pubs
    floods = [client.generate() for _ in range(3)]
    for flood in floods:
        client.call(there, "publish", {"type": "contact", "contact": flood["id"], "following": True})
        client.write(there, flood, FLOOD)
    client.call(there, "gossip.connect", here.address)
    until(lambda: room(client, here)["takes"] == "members")
    sequence = client.call(there, "publish", {"type": "post", "text": "still here"})["value"]["sequence"]
    until(lambda: latest(client, here, there.id) == sequence)
    told = room(client, here)
    assert (told["most"], told["takes"]) == (MOST, "members")
    assert told["log"] + told["rest"] < 0.97 * MOST
    assert sum(latest(client, here, flood["id"]) for flood in floods) < 3 * len(FLOOD)
    assert client.call(here, "butt.figures", {}, count=1)[0]["refused"]["disk"] >= 1


def test_a_flooding_member_is_refused_and_others_are_not(pubs, client, make_pub):
    here, there = pubs
    loud = [client.generate() for _ in range(2)]
    for keys in loud:
        client.call(here, "publish", {"type": "contact", "contact": keys["id"], "following": True})
        client.call(there, "publish", {"type": "contact", "contact": keys["id"], "following": True})
        client.write(there, keys, FLOOD)
    client.call(there, "gossip.connect", here.address)
    until(lambda: room(client, here)["takes"] == "members")
    sequence = client.call(there, "publish", {"type": "post", "text": "still here"})["value"]["sequence"]
    until(lambda: latest(client, here, there.id) == sequence)
    told = room(client, here)
    assert told["log"] + told["rest"] < 0.97 * MOST
    assert sum(latest(client, here, keys["id"]) for keys in loud) < 2 * len(FLOOD)


def test_limits_can_be_set_while_it_runs_and_survive_a_restart(pubs, client):
    here, _ = pubs
    assert client.call(here, "butt.limit", {"disk": 10**9, "farBlobDays": 30})["disk"] == 10**9
    here.stop()
    here.start()
    assert room(client, here)["most"] == 10**9
    for wrong in ({"connections": 7}, {"disk": -1}, {"disk": "much"}, {"blobs": 1.5}, [], None):
        with pytest.raises(RuntimeError, match="whole numbers"):
            client.call(here, "butt.limit", wrong)
    assert client.call(here, "butt.limit", {"disk": None})["disk"] == MOST
    assert room(client, here)["most"] == MOST
