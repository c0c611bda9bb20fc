"""A bot that is only a room: made, joined with an invite, and restarted over the API of a real `butt up`."""

import json
import urllib.request

from scuttlekit import KeyPair
from tests.service import Service, wait_for


def test_a_room_accepts_a_member_and_keeps_none_of_their_messages(site: Service):
    alice = site.person("alice@example.org")
    made = alice.names_a_bot("cafe", service="room")
    room = alice.waits_for("alive", made)
    config = json.loads((site.home / "bots" / room["id"] / "config.json").read_text())
    assert (room["service"], config["hops"]) == ("room", 0)

    invite = alice.call("POST", f"/agents/{room['id']}/invites", {"name": "a guest"}, expect=201)
    guest = KeyPair.generate().id
    offer = json.load(urllib.request.urlopen(f"{invite['url']}?encoding=json"))
    claim = urllib.request.Request(
        offer["postTo"],
        json.dumps({"id": guest, "invite": offer["invite"]}).encode(),
        {"Content-Type": "application/json"},
    )
    assert json.load(urllib.request.urlopen(claim))["status"] == "successful"
    members = f"/agents/{room['id']}/members"
    wait_for(lambda: [one["ssbId"] for one in alice.call("GET", members)["members"]] == [guest])

    alice.asks("restart", room)
    wait_for(lambda: alice.sees(room)["status"]["uptime"] is not None)
    assert alice.waits_for("alive", room)["ssbId"] == room["ssbId"]
    refused = alice.call("PATCH", f"/agents/{room['id']}", {"hops": 2}, expect=422)
    assert refused["error"]["code"] == "bad_service"
