"""A bot follows whom its owner says, by its real pub."""

import pytest

from butt.agents.actions import Refused
from butt.agents.models import Agent, JournalEntry
from butt.agents.states import State
from butt.invites.kept_connections import kept_connections
from butt.peers.following import Relation, relate
from scuttlekit import KeyPair, sigil_to_uri
from tests.people import bot_in


def last_said(bot: Agent) -> tuple[int, dict]:
    said = kept_connections.call(bot, "getLatest", bot.progress.ssb_id)["value"]
    return said["sequence"], said["content"]


def test_following_and_unfollowing_are_each_published_once(alice: Agent, bot: Agent):
    feed = KeyPair.generate().id
    for text in (feed, f" {sigil_to_uri(feed)} "):
        assert relate(alice, bot, text, Relation.FOLLOWS) == feed
    assert last_said(bot) == (1, {"type": "contact", "contact": feed, "following": True})
    for _ in range(2):
        relate(alice, bot, feed, Relation.NONE)
    assert last_said(bot) == (2, {"type": "contact", "contact": feed, "following": False})
    assert [entry.what for entry in JournalEntry.objects.filter(detail__feed=feed).order_by("at")] == [
        "follow",
        "unfollow",
    ]


def test_an_invalid_feed_is_refused(alice: Agent, bot: Agent):
    for text in ("", "bob", "@bob.ed25519", "%" + bot.progress.ssb_id[1:], bot.progress.ssb_id, "ssb:x"):
        with pytest.raises(Refused) as refused:
            relate(alice, bot, text, Relation.FOLLOWS)
        assert (refused.value.code, refused.value.field) == ("bad_feed", "ssbId")
    stopped = bot_in(State.STOPPED, alice, "off")
    with pytest.raises(Refused, match="off is #stopped"):
        relate(alice, stopped, KeyPair.generate().id, Relation.FOLLOWS)


def test_a_bot_that_is_down_is_reported(alice: Agent):
    away = bot_in(State.ALIVE, alice, "away")
    with pytest.raises(Refused) as refused:
        relate(alice, away, KeyPair.generate().id, Relation.FOLLOWS)
    assert refused.value.code == "no_answer"
