"""A pub announces its own address and others', once each, in messages by which apps and other pubs dial."""

import pytest

from tests.lanes import free_ports


def said(client, pub):
    """The addresses that the pub's own feed announces, in order."""
    feed = client.call(pub, "createUserStream", {"id": pub.id}, count=100)
    contents = [message["value"]["content"] for message in feed]
    return [content["address"] for content in contents if content["type"] == "pub"]


def test_a_pub_announces_each_of_its_addresses_once(make_pub, client):
    pub = make_pub(external="2001:db8::7").start()
    first = {"host": "2001:db8::7", "port": pub.config["port"], "key": pub.id}
    assert client.call(pub, "butt.announce") == {"sequence": 1, "address": first}
    client.call(pub, "publish", {"type": "pub", "address": "net:nowhere"})
    assert client.call(pub, "butt.announce") == {"sequence": 1, "address": first}
    assert pub.stop() == 0
    client.hang_up()
    pub.config["port"] = free_ports(1)[0]
    pub.start()
    second = {**first, "port": pub.config["port"]}
    assert client.call(pub, "butt.announce") == {"sequence": 3, "address": second}
    assert client.call(pub, "butt.announce")["sequence"] == 3
    assert said(client, pub) == [first, "net:nowhere", second]


def test_a_pub_that_uses_an_invite_twice_announces_it_once(make_pub, client):
    here, there = make_pub("here").start(), make_pub("there").start()
    code = client.call(there, "invite.create", {"uses": 2, "note": "n"})
    for _ in range(2):
        client.call(here, "invite.accept", code)
    assert said(client, here) == [{"host": "127.0.0.1", "port": there.config["port"], "key": there.id}]
    assert client.call(here, "getLatest", here.id)["value"]["sequence"] == 2


def test_a_pub_that_catches_up_announces_nothing(make_pub, client):
    pub = make_pub(catchUp=True).start()
    with pytest.raises(RuntimeError, match="catch"):
        client.call(pub, "butt.announce")
