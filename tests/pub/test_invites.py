"""Invites: made, used, listed, and revoked."""

import time

import pytest

from tests.pub.pubs import until


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


def test_a_pub_uses_the_invite_of_another(make_pub, client):
    here, there = make_pub("here").start(), make_pub("there").start()
    code, _ = invite(client, there)
    client.call(here, "invite.accept", code)
    assert client.call(there, "friends.isFollowing", {"source": there.id, "dest": here.id})
    assert client.call(here, "friends.isFollowing", {"source": here.id, "dest": there.id})


def test_a_revoked_invite_cannot_connect(pub, client):
    _, keys = invite(client, pub)
    assert client.call(pub, "butt.revoke", keys["id"]) is True
    assert client.call(pub, "butt.revoke", keys["id"]) is False
    assert client.call(pub, "butt.invites", {"all": True}) == []
    with pytest.raises(RuntimeError, match="not in list of allowed methods"):
        client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)


def test_a_revoked_invite_cannot_be_used_over_an_open_connection(pub, client):
    _, keys = invite(client, pub, uses=5)
    client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    client.call(pub, "butt.revoke", keys["id"])
    with pytest.raises(RuntimeError):
        client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    pub.stop()
    pub.start()
    assert client.call(pub, "butt.invites", {"all": True}) == []


def test_an_invalid_feed_uses_nothing_up(pub, client):
    keys = offered(client, pub)
    for nobody in ("garbage", {"x": 1}, "@AAAA.ed25519"):
        with pytest.raises(RuntimeError, match="not a feed id"):
            client.call(pub, "invite.use", {"feed": nobody}, keys=keys)
    assert client.call(pub, "butt.invites")[0]["left"] == 1


def test_a_modern_invite_is_refused_and_the_pub_lives(pub, client):
    with pytest.raises(RuntimeError, match="modern"):
        client.call(pub, "invite.create", {"modern": True})
    assert client.call(pub, "whoami") == {"id": pub.id}


def offered(client, pub, **options):
    """The keys of an invite that was made elsewhere."""
    keys = client.generate()
    invite = {"id": keys["id"], "uses": 1, "note": "token", "expires": None, **options}
    assert client.call(pub, "butt.offer", invite) is True
    assert client.call(pub, "butt.offer", invite) is False
    return keys


def use(client, pub, keys):
    return client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)


def in_seconds(seconds):
    return int((time.time() + seconds) * 1000)


def test_an_invite_made_elsewhere_has_its_number_of_uses(pub, client):
    keys = offered(client, pub, uses=2)
    assert use(client, pub, keys)["value"]["content"]["note"] == "token"
    use(client, pub, keys)
    with pytest.raises(RuntimeError):
        use(client, pub, keys)
    client.hang_up()
    with pytest.raises(RuntimeError, match=r"not in list of allowed methods|expired"):
        use(client, pub, keys)


def test_an_invite_used_on_other_code_has_its_remaining_uses(pub, client):
    keys = offered(client, pub, uses=3, used=2, note="a")
    use(client, pub, keys)
    with pytest.raises(RuntimeError):
        use(client, pub, keys)
    (invite,) = client.call(pub, "butt.invites", {"all": True})
    assert (invite["uses"], invite["used"], invite["left"]) == (3, 3, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "@x"},
        {"uses": 0},
        {"uses": 1001},
        {"uses": "1"},
        {"note": 5},
        {"note": "n" * 101},
        {"used": -1},
        {"expires": "soon"},
    ],
)
def test_an_invalid_invite_is_refused(pub, client, wrong):
    invite = {"id": client.generate()["id"], "uses": 1, "note": "token", "expires": None, **wrong}
    with pytest.raises(RuntimeError, match="an invite has"):
        client.call(pub, "butt.offer", invite)
    assert client.call(pub, "butt.invites", {"all": True}) == []


def test_an_expired_invite_cannot_be_used_even_over_an_open_connection(pub, client):
    keys = offered(client, pub, uses=5, expires=in_seconds(4))
    use(client, pub, keys)
    assert client.call(pub, "butt.invites")[0]["left"] == 4
    until(lambda: client.call(pub, "butt.invites") == [])
    with pytest.raises(RuntimeError, match="expired"):
        use(client, pub, keys)
    pub.stop()
    pub.start()
    with pytest.raises(RuntimeError, match=r"not in list of allowed methods|expired"):
        use(client, pub, keys)


def test_an_invite_revoked_while_the_pub_was_down_never_works(pub, client):
    keys, other = offered(client, pub), offered(client, pub)
    pub.stop()
    pub.config["revoked"] = [keys["id"]]
    pub.start()
    assert [invite["id"] for invite in client.call(pub, "butt.invites")] == [other["id"]]
    with pytest.raises(RuntimeError, match="not in list of allowed methods"):
        use(client, pub, keys)
