"""Whom a bot follows and blocks, from its real pub; and how much a lying pub is believed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.models import Agent, JournalEntry
from butt.agents.states import State
from butt.invites import making
from butt.invites.kept_connections import kept_connections
from butt.invites.models import Invite
from butt.peers import members
from butt.peers.following import Relation, relate
from scuttlekit import KeyPair, RemoteError, sigil_to_uri
from tests.peers.test_following import last_said
from tests.people import bot_in

FRIDA, EVE = KeyPair(b"f" * 32).id, KeyPair(b"e" * 32).id


def claimed(alice: Agent, bot: Agent, *feeds: str) -> Invite:
    """An invite of the bot by which these people joined."""
    invite = making.create(alice, bot, "for friends", uses=5)
    for feed in feeds:
        kept_connections.call(bot, "butt.claim", {"id": invite.code_id, "feed": feed})
    return invite


def test_a_guest_is_listed_with_their_invite_blocked_and_unblocked(alice: Agent, bot: Agent):
    began = timezone.now().replace(microsecond=0)
    invite = claimed(alice, bot, FRIDA)
    relate(alice, bot, EVE, Relation.FOLLOWS)
    page = members.find(bot, sort="since")
    assert (page.total, page.next, page.counts[Relation.FOLLOWS]) == (2, None, 2)
    frida, eve = page.members
    assert (frida.ssb_id, frida.invite, frida.relation, frida.messages) == (
        FRIDA,
        invite,
        Relation.FOLLOWS,
        0,
    )
    assert (eve.ssb_id, eve.invite, eve.last_seen, eve.is_here) == (EVE, None, None, False)
    assert began <= frida.since <= timezone.now()
    for text in (EVE, f" {sigil_to_uri(EVE)} "):
        assert [found.ssb_id for found in members.find(bot, text=text).members] == [EVE]

    for _ in range(2):
        relate(alice, bot, FRIDA, Relation.BLOCKS)
    sequence, said = last_said(bot)
    assert said == {"type": "contact", "contact": FRIDA, "following": False, "blocking": True}
    assert kept_connections.call(bot, "butt.claim", {"id": invite.code_id, "feed": FRIDA}) == {
        "outcome": "blocked"
    }
    assert members.one(bot, FRIDA).relation is Relation.BLOCKS
    relate(alice, bot, FRIDA, Relation.NONE)
    assert last_said(bot) == (sequence + 1, {**said, "blocking": False})
    assert [found.ssb_id for found in members.find(bot).members] == [EVE]
    assert members.find(bot, relations=(Relation.NONE,)).members[0].invite == invite
    assert set(JournalEntry.objects.filter(detail__feed=FRIDA).values_list("what", flat=True)) == {
        "block",
        "unblock",
    }


def test_revoking_an_invite_may_unfollow_everybody_who_used_it(alice: Agent, bot: Agent):
    feeds = [KeyPair.generate().id for _ in range(3)]
    invite = claimed(alice, bot, *feeds)
    relate(alice, bot, EVE, Relation.FOLLOWS)
    relate(alice, bot, feeds[0], Relation.BLOCKS)
    making.revoke(alice, bot, invite.id)
    assert [members.unfollow_who_came_by(alice, bot, invite.id) for _ in range(2)] == [2, 0]
    assert [found.ssb_id for found in members.find(bot, relations=(Relation.FOLLOWS,)).members] == [EVE]
    assert members.one(bot, feeds[0]).relation is Relation.BLOCKS
    elsewhere = bot_in(State.ALIVE, alice, "elsewhere")
    with pytest.raises(Invite.DoesNotExist):
        members.unfollow_who_came_by(alice, elsewhere, invite.id)


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"sort": "id"}, "sort"), ({"after": -1}, "after"), ({"text": "x" * 201}, "q"), ({"text": "\0"}, "q")],
)
def test_an_invalid_search_is_refused(alice: Agent, asked: dict[str, Any], field: str):
    with pytest.raises(Refused) as refused:
        members.find(bot_in(State.ALIVE, alice), **asked)
    assert (refused.value.code, refused.value.field) == ("bad_search", field)


def test_a_bot_that_is_down_silent_or_outdated_is_reported(alice: Agent, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Refused, match="off is #stopped"):
        members.find(bot_in(State.STOPPED, alice, "off"))
    away = bot_in(State.ALIVE, alice, "away")
    with pytest.raises(Refused) as refused:
        members.find(away)
    assert refused.value.code == "no_answer"

    def old(*_: object) -> object:
        raise RemoteError("method:butt,members is not in list of allowed methods")

    monkeypatch.setattr(kept_connections, "call", old)
    with pytest.raises(Refused, match="Upgrade it"):
        members.find(away)


def test_answers_of_a_pub_are_checked_and_bounded():
    bot = Agent()
    whole = {
        "id": FRIDA,
        "name": "Fri\0da\n" + "x" * 300,
        "relation": "follows",
        "since": 1e99,
        "seen": 1_700_000_000_000,
        "note": ["x"],
        "here": "yes",
        "messages": -1,
        "bytes": True,
        "blobBytes": 7,
    }
    lies: list[Any] = [None, 7, {}, {**whole, "id": "x"}, {**whole, "relation": "loves"}, {**whole, "id": {}}]
    said = {"members": [*lies, *[whole] * 100], "total": -3, "counts": {"follows": "many", "blocks": 3}}
    page = members.read_page(bot, said, 0, 50)
    assert len(page.members) <= 50
    frida = page.members[0]
    assert frida.name.startswith("Fri\N{REPLACEMENT CHARACTER}da xxx")
    assert len(frida.name) <= 80
    assert (frida.since, frida.invite, frida.is_here, frida.messages, frida.size) == (None, None, False, 0, 0)
    assert frida.last_seen == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (page.total, page.next) == (0, None)
    assert page.counts == {Relation.FOLLOWS: 0, Relation.BLOCKS: 3, Relation.NONE: 0}
    for nonsense in ({}, {"members": "many"}, {"members": {"a": 1}, "counts": []}):
        assert members.read_page(bot, nonsense, 0, 50).members == []
