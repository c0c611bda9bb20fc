"""What a pub reports about its guests and about itself."""

from tests.pub.pubs import until


def invited(client, pub, note):
    """The keys of somebody who joined with an invite."""
    keys, guest = client.generate(), client.generate()
    client.call(pub, "butt.offer", {"id": keys["id"], "uses": 1, "note": note, "expires": None})
    client.call(pub, "invite.use", {"feed": guest["id"]}, keys=keys)
    return guest


def test_uses_are_reported_in_order_and_from_a_position(pub, client):
    guests = [invited(client, pub, f"note{number}") for number in range(3)]
    told = client.call(pub, "butt.guests", {}, count=3)
    assert [(use["sequence"], use["feed"], use["note"]) for use in told] == [
        (number + 1, guest["id"], f"note{number}") for number, guest in enumerate(guests)
    ]
    assert client.call(pub, "butt.guests", {"since": 2}, count=1) == told[2:]


def test_a_name_is_reported_when_the_pub_learns_it_and_again_later(make_pub, client):
    here, there = make_pub("here").start(), make_pub("there").start()
    keys = client.generate()
    client.call(here, "butt.offer", {"id": keys["id"], "uses": 1, "note": "token", "expires": None})
    client.call(here, "invite.use", {"feed": there.id}, keys=keys)
    client.call(there, "publish", {"type": "contact", "contact": here.id, "following": True})
    client.call(there, "publish", {"type": "about", "about": here.id, "name": "not its own"})
    client.call(there, "publish", {"type": "about", "about": there.id, "name": "Frida"})
    client.call(there, "publish", {"type": "about", "about": there.id, "description": "no name in it"})
    client.call(there, "gossip.connect", here.address)
    frida = {"feed": there.id, "name": "Frida"}
    until(lambda: client.call(here, "butt.guests", {}, count=2)[1] == frida)
    assert client.call(here, "butt.guests", {}, count=1)[0]["feed"] == there.id
    client.call(there, "publish", {"type": "about", "about": there.id, "name": "F" * 500})
    until(
        lambda: (
            client.call(here, "butt.guests", {"since": 1}, count=1)[0]
            == {"feed": there.id, "name": "F" * 200}
        )
    )


def own_messages(client, pub):
    return client.call(pub, "createUserStream", {"id": pub.id}, count=100)


def test_the_pub_publishes_its_profile_once_and_again_after_a_change(pub, client):
    def describe(**profile):
        return client.call(pub, "butt.describe", profile)["sequence"]

    assert describe(name="my", description="") == 1
    assert describe(name="my", description="") == 1
    pub.stop()
    pub.start()
    assert describe(name="my", description="") == 1
    assert describe(name="my", description="ours\ntoo") == 2
    assert describe(name="my", description="ours\ntoo") == 2
    assert describe(name="my", description="") == 3
    contents = [message["value"]["content"] for message in own_messages(client, pub)]
    assert contents[1] == {"type": "about", "about": pub.id, "name": "my", "description": "ours\ntoo"}
    assert len(contents) == 3
