"""The page of a bot's members, from its real pub, and the calls behind it."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from butt.accounts.tokens import issue_token
from butt.agents.models import Agent
from butt.invites.kept_connections import kept_connections
from butt.peers import members
from butt.peers.following import Relation, relate
from scuttlekit import KeyPair
from tests.invites.conftest import at, real_pub
from tests.peers.test_members import claimed
from tests.public.test_invites import words

__all__ = ["real_pub"]
pytestmark = pytest.mark.django_db
PAGE = "/bots/my/members"
FRIDA, EVE = KeyPair(b"f" * 32).id, KeyPair(b"e" * 32).id


def shown(page: Client, **asked: object) -> bytes:
    return page.get(PAGE, asked).content


def ids(html: bytes) -> list[str]:
    return re.findall(r'title="(@[^"]+)"', html.decode())


def test_members_are_shown_searched_blocked_and_unfollowed(alice: Client, bot: Agent, real_pub):
    bot = at(real_pub, bot)
    person = bot.belongs_to.get().target_agent
    assert "Nobody yet" in words(shown(alice))
    invite = claimed(person, bot, FRIDA)
    relate(person, bot, EVE, Relation.FOLLOWS)
    html = shown(alice)
    assert "It follows 2. Here are 1 to 2 of 2." in words(html)
    assert "for friends" in words(html)
    assert ids(shown(alice, sort="since")) == [FRIDA, EVE]
    assert ids(shown(alice, q=EVE[:9])) == [EVE]
    assert "Nobody matches." in words(shown(alice, show="blocks"))
    assert "Here are" in words(shown(alice, sort="nonsense", after="x", show="?"))

    answer = alice.post(f"{PAGE}?sort=since", {"feed": FRIDA, "relation": "blocks"}, follow=True)
    assert answer.redirect_chain == [(f"{PAGE}?sort=since", 302)]
    assert "#blocked" in words(answer.content)
    assert "unblock" in words(answer.content)
    refused = alice.post(PAGE, {"feed": "frida", "relation": "blocks"})
    assert refused.status_code == 422
    assert 'value="frida"' in refused.content.decode()
    assert alice.post(PAGE, {"feed": FRIDA, "relation": "loves"}).status_code == 422

    alice.post(PAGE, {"feed": FRIDA, "relation": "follows"})
    alice.post(f"/bots/my/invites/{invite.id}/revoke")
    offer = words(shown(alice, invite=invite.id))
    assert "People who joined with the invite for friends" in offer
    assert "unfollow all of them" in offer
    alice.post(PAGE, {"unfollow-all": invite.id})
    assert [found.ssb_id for found in members.find(bot).members] == [EVE]
    assert alice.get(PAGE, {"invite": "nonsense"}).status_code == 404
    assert alice.post(PAGE, {"unfollow-all": "7"}).status_code == 404


def test_a_room_has_no_columns_about_messages_as_it_keeps_none(alice: Client, bot: Agent, real_pub):
    bot = at(real_pub, bot)
    relate(bot.belongs_to.get().target_agent, bot, EVE, Relation.FOLLOWS)
    kept = ("messages", "blobs", "most bytes of blobs first")
    assert [each for each in kept if each not in words(shown(alice))] == []
    Agent.objects.filter(id=bot.id).update(service="room")
    told = words(shown(alice))
    assert EVE in ids(shown(alice))
    assert [each for each in kept if each in told] == []


def test_the_api_lists_members_page_by_page(bot: Agent, real_pub, monkeypatch: pytest.MonkeyPatch):
    bot = at(real_pub, bot)
    person = bot.belongs_to.get().target_agent
    api = Client(headers={"Authorization": f"Bearer {issue_token(person.account)}"})
    invite = claimed(person, bot, FRIDA)
    path = f"/agents/{bot.id}/members"
    blocked = api.put(f"{path}/{EVE}", {"relation": "blocks"}, "application/json")
    assert (blocked.status_code, blocked.json()) == (200, {"ssbId": EVE, "relation": "blocks"})
    answer = api.get(path, {"sort": "since"}).json()
    assert answer["total"] == 2
    assert "next" not in answer
    frida, eve = answer["members"]
    assert frida.pop("since") <= eve.pop("since")
    here = {"messages": 0, "bytes": 0, "blobBytes": 0}
    assert frida == {
        "ssbId": FRIDA,
        "relation": "follows",
        "invite": {"id": str(invite.id), "name": "for friends"},
        **here,
    }
    assert eve == {"ssbId": EVE, "relation": "blocks", **here}
    assert [m["ssbId"] for m in api.get(path, {"relation": "blocks"}).json()["members"]] == [EVE]
    monkeypatch.setattr(members.find, "__kwdefaults__", {**members.find.__kwdefaults__, "limit": 1})
    first = api.get(path).json()
    assert (len(first["members"]), first["next"]) == (1, 1)
    assert "next" not in api.get(path, {"after": first["next"]}).json()
    for wrong in ({"sort": "id"}, {"relation": "loves"}, {"after": -1}, {"q": "x" * 300}):
        assert api.get(path, wrong).status_code == 422, wrong
    gone = api.delete(f"/agents/{bot.id}/invites/{invite.id}?unfollow=true")
    assert gone.status_code == 204
    assert [found.ssb_id for found in members.find(bot, relations=(Relation.FOLLOWS,)).members] == []


def test_the_number_of_queries_does_not_grow_with_the_members(alice: Client, bot: Agent, real_pub):
    bot = at(real_pub, bot)
    person = bot.belongs_to.get().target_agent
    counts = []
    for _ in range(2):
        for _ in range(12):
            kept_connections.call(
                bot,
                "publish",
                {"type": "contact", "contact": KeyPair.generate().id, "following": True},
            )
        claimed(person, bot, KeyPair.generate().id)
        with CaptureQueriesContext(connection) as seen:
            shown(alice)
        counts.append(len(seen))
    assert counts[0] == counts[1]
