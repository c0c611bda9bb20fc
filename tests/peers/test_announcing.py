"""Which bots have yet to announce their address."""

import pytest

from butt.agents.actions import announce
from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.peers.announcing import PubAnnouncement, is_said, pending, told
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, person("alice"))


def test_a_bot_is_told_once_for_each_address_while_its_owner_wants_that(bot: Agent):
    alice = bot.belongs_to.get().target_agent
    assert pending() == []
    announce(alice, bot, announced=True)
    (due,) = pending()
    assert due == PubAnnouncement(bot.id, "127.0.0.1", bot.progress.port)
    assert not is_said(bot)
    told(due, 7)
    assert is_said(bot)
    assert pending() == []
    Progress.objects.filter(bot=bot).update(port=9999)
    assert [again.port for again in pending()] == [9999]
    announce(alice, bot, announced=False)
    assert pending() == []


def test_a_bot_deleted_meanwhile_is_no_trouble(bot: Agent):
    due = PubAnnouncement(bot.id, "127.0.0.1", 9000)
    bot.delete()
    told(due, 1)
