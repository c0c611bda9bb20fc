"""Which other pubs a bot should join, and the result: rows that survive any kill and can be told again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.models import Agent, JournalEntry, Observed, Wanted
from butt.agents.states import State
from butt.peers import joining
from butt.peers.models import OtherPub
from scuttlekit import Address, InviteCode, KeyPair
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

OTHER = Address("pub.example.org", 8008, KeyPair.generate().id)
CODE = InviteCode(OTHER, b"s" * 32).code


@pytest.fixture
def alice() -> Agent:
    return person("alice")


@pytest.fixture
def bot(alice: Agent) -> Agent:
    return bot_in(State.ALIVE, alice)


def test_an_invite_is_kept_until_it_is_used(alice: Agent, bot: Agent):
    joining.ask(alice, bot, f" {CODE}#a page\0\n")
    (due,) = joining.due(timezone.now())
    assert (due.bot_id, due.address, due.code) == (bot.id, OTHER.multiserver, CODE)
    assert joining.due(timezone.now()) == [due], "whoever was killed meanwhile is told again"
    joining.ended(due, "", timezone.now())
    (row,) = joining.joined_by(bot)
    assert row.done_at
    assert (row.code, row.trouble) == ("", "")
    assert joining.due(timezone.now()) == []
    (noted,) = JournalEntry.objects.filter(bot_id=bot.id, what="join")
    assert noted.detail == {"address": OTHER.multiserver}, "the journal holds no invite"


def test_an_address_alone_is_only_connected_to(alice: Agent, bot: Agent):
    for text in (OTHER.multiserver, OTHER.legacy):
        joining.ask(alice, bot, text)
    (due,) = joining.due(timezone.now())
    assert (due.address, due.code) == (OTHER.multiserver, "")


def test_a_failure_shows_the_pubs_reason_and_can_be_retried(alice: Agent, bot: Agent):
    joining.ask(alice, bot, CODE)
    (due,) = joining.due(timezone.now())
    joining.ended(due, "invite not accepted:\nit\0 has expired" + "!" * 1000, timezone.now())
    (row,) = joining.joined_by(bot)
    assert row.trouble.startswith("invite not accepted: it\N{REPLACEMENT CHARACTER} has expired!!")
    assert row.code == ""
    assert joining.due(timezone.now()) == []
    joining.ask(alice, bot, CODE)
    assert [again.pub_id for again in joining.due(timezone.now())] == [row.id]


def test_the_end_of_an_earlier_try_does_not_end_a_later_one(alice: Agent, bot: Agent):
    joining.ask(alice, bot, CODE)
    (earlier,) = joining.due(timezone.now())
    newer = InviteCode(OTHER, b"t" * 32).code
    joining.ask(alice, bot, newer)
    joining.ended(earlier, "invite has expired", timezone.now())
    assert [due.code for due in joining.due(timezone.now())] == [newer]


def test_a_bot_that_does_not_answer_is_waited_for_an_hour(alice: Agent, bot: Agent):
    Observed.objects.filter(bot=bot).update(alive=False)
    joining.ask(alice, bot, CODE)
    assert joining.due(timezone.now()) == []
    assert joining.due(timezone.now() + joining.PATIENCE + timedelta(seconds=1)) == []
    (row,) = joining.joined_by(bot)
    assert (row.code, row.trouble) == ("", joining.NOT_THERE)


@pytest.mark.parametrize("text", ["", "pub.example.org", "https://example.org/join/x", CODE + "x" * 400])
def test_an_invalid_invite_is_refused(alice: Agent, bot: Agent, text: str):
    with pytest.raises(Refused) as refused:
        joining.ask(alice, bot, text)
    assert (refused.value.code, refused.value.field) == ("bad_invite", "invite")
    assert not OtherPub.objects.exists()


def test_a_bot_joins_neither_itself_nor_too_many_nor_while_it_leaves(
    alice: Agent, bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(Refused, match="own invite"):
        joining.ask(alice, bot, Address("127.0.0.1", 8008, bot.progress.ssb_id).multiserver)
    monkeypatch.setattr(joining, "MOST", 1)
    joining.ask(alice, bot, CODE)
    with pytest.raises(Refused) as refused:
        joining.ask(alice, bot, Address("b.example.org", 8008, KeyPair.generate().id).multiserver)
    assert refused.value.code == "too_many"
    Wanted.objects.filter(bot=bot).update(gone_at=timezone.now())
    bot.refresh_from_db()
    with pytest.raises(Refused) as refused:
        joining.ask(alice, bot, CODE)
    assert refused.value.code == "wrong_state"
