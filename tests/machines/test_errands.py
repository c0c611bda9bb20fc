"""What is asked of machines: once for all who ask, claimed by one, and done again when that one dies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Agent
from butt.machines import errands, tails
from butt.machines.models import Errand, Tail

pytestmark = pytest.mark.django_db


def asked(bot: Agent, what: str = "all") -> Errand:
    errand = errands.ask(bot.id, what)
    assert errand
    return errand


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
    assert [found.id for found in errands.waiting(now, 8)] == [errand.id]
    assert errands.waiting(now, 8) == []
    errands.hold([errand.id], now + errands.CLAIM)
    assert errands.waiting(now + errands.CLAIM, 8) == []
    again = errands.waiting(now + 2 * errands.CLAIM + timedelta(seconds=1), 8)
    assert [found.id for found in again] == [errand.id]
    errands.done(errand.id)
    assert errands.waiting(now + 5 * errands.CLAIM, 8) == []


def test_nobody_works_on_what_was_asked_long_ago(bot: Agent):
    asked(bot)
    assert errands.waiting(timezone.now() + 2 * errands.PATIENCE, 8) == []


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
