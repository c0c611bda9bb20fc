"""Invites: made, used, listed, and revoked at the door."""

import pytest


def invite(client, pub, **options):
    """An invite's keys, as somebody who was given the code makes them."""
    code = client.call(pub, "invite.create", {"uses": 1, "note": "token", **options})
    return code, client.generate(seed=code.split("~")[1])


def test_its_address_is_the_external_one(make_pub, client):
    pub = make_pub(external="pub.example.org").start()
    code, _ = invite(client, pub)
    assert code.startswith(f"pub.example.org:{pub.config['port']}:{pub.id}~")


def test_outstanding_ones_are_listed(pub, client):
    _, keys = invite(client, pub, uses=2)
    expected = {"id": keys["id"], "note": "token", "uses": 2, "used": 0, "left": 2}
    assert client.call(pub, "butt.invites") == [expected]
    client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    assert client.call(pub, "butt.invites") == [{**expected, "used": 1, "left": 1}]
    client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    assert client.call(pub, "butt.invites") == []
    assert client.call(pub, "butt.invites", {"all": True}) == [{**expected, "used": 2, "left": 0}]


def test_a_revoked_one_is_refused_at_the_door(pub, client):
    _, keys = invite(client, pub)
    assert client.call(pub, "butt.revoke", keys["id"]) is True
    assert client.call(pub, "butt.revoke", keys["id"]) is False
    assert client.call(pub, "butt.invites", {"all": True}) == []
    with pytest.raises(RuntimeError, match="not in list of allowed methods"):
        client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)


def test_who_is_connected_with_a_revoked_one_can_use_it_no_more(pub, client):
    _, keys = invite(client, pub, uses=5)
    client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    client.call(pub, "butt.revoke", keys["id"])
    with pytest.raises(RuntimeError):
        client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    pub.stop()
    pub.start()
    assert client.call(pub, "butt.invites", {"all": True}) == []


def test_a_modern_one_is_refused_and_the_pub_lives(pub, client):
    with pytest.raises(RuntimeError, match="modern"):
        client.call(pub, "invite.create", {"modern": True})
    assert client.call(pub, "whoami") == {"id": pub.id}
