"""An imported pub fetches its own newer messages before it publishes anything."""

import shutil

import pytest

from tests.pub.pubs import until

SLOW = 60
HUSH = "catching up with its own messages"


def say(client, pub, text="hello"):
    return client.call(pub, "publish", {"type": "post", "text": text})["value"]["sequence"]


def figures(client, pub):
    return client.call(pub, "butt.figures", {}, count=1)[0]


def own_feed(client, pub, at=None):
    feed = client.call(at or pub, "createUserStream", {"id": pub.id}, count=100)
    return {message["value"]["sequence"]: message["key"] for message in feed}


def latest_at(client, pub, feed):
    try:
        return client.call(pub, "getLatest", feed)["value"]["sequence"]
    except (RuntimeError, TypeError):
        return 0


@pytest.fixture
def friend(make_pub, client):
    return make_pub("friend").start()


@pytest.fixture
def old_copy(make_pub, client, friend, tmp_path):
    """A copy of a pub's folder with 3 messages; the pub itself published 5, which `friend` has, and is
    stopped.
    """
    pub = make_pub("old").start()
    client.call(friend, "publish", {"type": "contact", "contact": pub.id, "following": True})
    for _ in range(3):
        say(client, pub)
    pub.stop()
    shutil.copytree(pub.data, tmp_path / "copy")
    pub.start()
    client.call(pub, "gossip.connect", friend.address)
    for _ in range(2):
        say(client, pub)
    until(lambda: latest_at(client, friend, pub.id) == 5, SLOW)
    pub.spoken = own_feed(client, pub)
    pub.stop()
    client.hang_up()
    shutil.rmtree(tmp_path / "copy" / "ebt", ignore_errors=True)
    (tmp_path / "copy" / "sequence").unlink()
    return pub


def moved(make_pub, old, copy, **config):
    new = make_pub("new", catchUp=True, **config)
    new.folder.mkdir()
    shutil.copytree(copy, new.data)
    return new


def test_a_pub_fetches_its_own_messages_before_it_publishes(make_pub, client, friend, old_copy, tmp_path):
    pub = moved(make_pub, old_copy, tmp_path / "copy").start()
    assert pub.id == old_copy.id
    assert figures(client, pub)["catchingUp"] is True
    with pytest.raises(RuntimeError, match=HUSH):
        say(client, pub)
    with pytest.raises(RuntimeError, match=HUSH):
        client.call(pub, "butt.describe", {"name": "me", "description": ""})
    client.call(pub, "gossip.connect", friend.address)
    until(lambda: not figures(client, pub)["catchingUp"], SLOW)
    assert own_feed(client, pub) == old_copy.spoken
    assert say(client, pub) == 6
    assert pub.event("caught-up")

    pub.stop()
    client.hang_up()
    pub.start()
    assert figures(client, pub)["catchingUp"] is False
    assert say(client, pub) == 7


def test_a_restart_does_not_end_the_silence(make_pub, client, friend, old_copy, tmp_path):
    pub = moved(make_pub, old_copy, tmp_path / "copy").start()
    pub.kill()
    client.hang_up()
    pub.start()
    with pytest.raises(RuntimeError, match=HUSH):
        say(client, pub)


def test_an_invite_is_not_spent_in_the_silence(make_pub, client, old_copy, tmp_path):
    pub = moved(make_pub, old_copy, tmp_path / "copy").start()
    keys = client.generate()
    client.call(pub, "butt.offer", {"id": keys["id"], "uses": 1, "note": "n", "expires": None})
    with pytest.raises(RuntimeError, match=HUSH):
        client.call(pub, "invite.use", {"feed": client.generate()["id"]}, keys=keys)
    (invite,) = client.call(pub, "butt.invites", {})
    assert invite["used"] == 0


def test_if_nobody_can_be_reached_a_person_may_say_there_is_nothing_newer(
    make_pub, client, old_copy, tmp_path
):
    pub = moved(make_pub, old_copy, tmp_path / "copy").start()
    assert client.call(pub, "butt.caughtUp") is True
    assert figures(client, pub)["catchingUp"] is False
    assert say(client, pub) == 4


def test_nobody_can_say_so_about_a_feed_that_is_known_to_go_on(make_pub, client, friend, old_copy, tmp_path):
    pub = moved(make_pub, old_copy, tmp_path / "copy", sequence=5).start()
    with pytest.raises(RuntimeError, match="known to have reached message 5"):
        client.call(pub, "butt.caughtUp")
    client.call(pub, "gossip.connect", friend.address)
    until(lambda: not figures(client, pub)["catchingUp"], SLOW)
    assert say(client, pub) == 6


def test_a_peer_that_never_had_the_feed_does_not_count(make_pub, client, old_copy, tmp_path):
    stranger = make_pub("stranger").start()
    pub = moved(make_pub, old_copy, tmp_path / "copy").start()
    client.call(pub, "gossip.connect", stranger.address)
    until(lambda: figures(client, pub)["peers"]["out"] == 1)
    with pytest.raises(AssertionError):
        until(lambda: not figures(client, pub)["catchingUp"], 14)


def test_a_feed_that_was_forked_elsewhere_ends_the_pub(make_pub, client, friend, old_copy, tmp_path):
    """The copy had been started elsewhere and had published."""
    elsewhere = make_pub("elsewhere")
    shutil.copytree(tmp_path / "copy", elsewhere.data)
    elsewhere.start()
    say(client, elsewhere, "another fourth")
    elsewhere.stop()
    client.hang_up()
    (elsewhere.data / "sequence").unlink()
    pub = make_pub("new", catchUp=True)
    shutil.copytree(elsewhere.data, pub.data)
    pub.start()
    client.call(pub, "gossip.connect", friend.address)
    assert pub.ended() == 72
    assert "another message 4" in pub.lines[-1]["message"]


def test_without_catching_up_a_log_that_is_behind_ends_the_pub(make_pub, client, old_copy, tmp_path):
    pub = moved(make_pub, old_copy, tmp_path / "copy", sequence=5)
    pub.config["catchUp"] = False
    assert pub.spawn().ended() == 68
