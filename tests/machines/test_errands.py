"""What is asked of machines: once for all who ask, claimed by one, and done again when that one dies."""

import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Agent
from butt.machines import errands, tails
from butt.machines.models import Errand, Machine, Tail
from tests.machines.machines import machine, placed_bot
from tests.people import person

pytestmark = pytest.mark.django_db
SHARE = 2


def asked(bot: Agent, what: str = "all") -> Errand:
    errand = errands.ask(bot.id, what)
    assert errand
    return errand


def waiting(now: datetime, most: int = 8, under_way: Counter[uuid.UUID] | None = None) -> list[Errand]:
    return errands.waiting(now, most, under_way or Counter(), SHARE)


def test_no_machine_has_more_than_its_share_and_none_waits_behind_another(bot: Agent, alices: Machine):
    mine = [asked(bot, what) for what in ("all", "log", "blobs", "stock")]
    other = machine("m2")
    theirs = asked(placed_bot(person("bob"), other, "bobs"))
    now = timezone.now()
    assert {row.id for row in waiting(now)} == {mine[0].id, mine[1].id, theirs.id}
    assert waiting(now, under_way=Counter({alices.id: 2, other.id: 1})) == []
    errands.done(mine[0].id)
    assert [row.id for row in waiting(now, under_way=Counter({alices.id: 1, other.id: 1}))] == [mine[2].id]


def test_who_asks_again_waits_for_the_same(bot: Agent):
    first = asked(bot)
    assert asked(bot).id == first.id
    assert asked(bot, "log").id != first.id
    errands.done(first.id, trouble="It did not.")
    assert asked(bot).id != first.id


def test_what_came_is_for_one_reader(bot: Agent):
    errand = asked(bot)
    errands.done(errand.id)
    assert errands.take(errand)
    assert not errands.take(errand)
    assert asked(bot).id != errand.id


def test_a_bot_without_a_machine_has_nothing_to_ask(bot: Agent):
    bot.placement.delete()
    assert errands.ask(bot.id, "all") is None
    assert tails.want(bot.id) is None


def test_one_steward_works_on_it_until_it_dies(bot: Agent):
    errand, now = asked(bot), timezone.now()
    assert [found.id for found in waiting(now)] == [errand.id]
    assert waiting(now) == []
    errands.hold([errand.id], now + errands.CLAIM)
    assert waiting(now + errands.CLAIM) == []
    again = waiting(now + 2 * errands.CLAIM + timedelta(seconds=1))
    assert [found.id for found in again] == [errand.id]
    errands.done(errand.id)
    assert waiting(now + 5 * errands.CLAIM) == []


def test_nobody_works_on_what_was_asked_long_ago(bot: Agent):
    asked(bot)
    assert waiting(timezone.now() + 2 * errands.PATIENCE) == []


def test_a_log_is_followed_while_somebody_reads_it(bot: Agent):
    now = timezone.now()
    assert not tails.keep("m1", bot.id, "nobody asked")
    tail = tails.want(bot.id)
    assert tail
    assert not tails.is_current(tail, now)
    assert [found.bot_id for found in tails.to_follow(now)] == [bot.id]
    assert tails.to_follow(now) == [], "one follows it"
    assert tails.keep("m1", bot.id, "hello")
    assert not tails.keep("m2", bot.id, "from another machine")
    tail = Tail.objects.get()
    assert tail.text == "hello"
    assert tails.is_current(tail, timezone.now())
    assert not tails.is_current(tail, timezone.now() + 2 * tails.FRESH)
    later = now + tails.FOLLOW
    assert tails.to_follow(later) == [], "its reader has gone"
    Tail.objects.update(wanted_at=later)
    assert [found.bot_id for found in tails.to_follow(later)] == [bot.id]
    Tail.objects.update(wanted_at=now - 2 * tails.READER)
    assert not tails.keep("m1", bot.id, "too late")
