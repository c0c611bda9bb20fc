"""Jobs for machines: one for all who ask, claimed by one worker, and done again if that one dies."""

import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Agent
from butt.machines import jobs, log_tails
from butt.machines.models import LogTail, Machine, MachineJob
from tests.machines.machines import machine, placed_bot
from tests.people import person

pytestmark = pytest.mark.django_db
SHARE = 2


def asked(bot: Agent, what: str = "all") -> MachineJob:
    job = jobs.ask(bot.id, what)
    assert job
    return job


def waiting(now: datetime, most: int = 8, under_way: Counter[uuid.UUID] | None = None) -> list[MachineJob]:
    return jobs.waiting(now, most, under_way or Counter(), SHARE)


def test_each_machine_has_its_share_and_none_waits_for_another(bot: Agent, alices: Machine):
    mine = [asked(bot, what) for what in ("all", "log", "blobs", "stock")]
    other = machine("m2")
    theirs = asked(placed_bot(person("bob"), other, "bobs"))
    now = timezone.now()
    assert {row.id for row in waiting(now)} == {mine[0].id, mine[1].id, theirs.id}
    assert waiting(now, under_way=Counter({alices.id: 2, other.id: 1})) == []
    jobs.done(mine[0].id)
    assert [row.id for row in waiting(now, under_way=Counter({alices.id: 1, other.id: 1}))] == [mine[2].id]


def test_asking_again_waits_for_the_same_job(bot: Agent):
    first = asked(bot)
    assert asked(bot).id == first.id
    assert asked(bot, "log").id != first.id
    jobs.done(first.id, trouble="It did not.")
    assert asked(bot).id != first.id


def test_an_answer_is_for_one_reader(bot: Agent):
    job = asked(bot)
    jobs.done(job.id)
    assert jobs.take(job)
    assert not jobs.take(job)
    assert asked(bot).id != job.id


def test_a_bot_without_a_machine_gets_no_job(bot: Agent):
    bot.placement.delete()
    assert jobs.ask(bot.id, "all") is None
    assert log_tails.want(bot.id) is None


def test_one_steward_works_on_a_job_until_it_dies(bot: Agent):
    job, now = asked(bot), timezone.now()
    assert [found.id for found in waiting(now)] == [job.id]
    assert waiting(now) == []
    jobs.hold([job.id], now + jobs.CLAIM)
    assert waiting(now + jobs.CLAIM) == []
    again = waiting(now + 2 * jobs.CLAIM + timedelta(seconds=1))
    assert [found.id for found in again] == [job.id]
    jobs.done(job.id)
    assert waiting(now + 5 * jobs.CLAIM) == []


def test_old_jobs_are_not_started(bot: Agent):
    asked(bot)
    assert waiting(timezone.now() + 2 * jobs.PATIENCE) == []


def test_a_log_is_followed_while_somebody_reads_it(bot: Agent):
    now = timezone.now()
    assert not log_tails.keep("m1", bot.id, "nobody asked")
    tail = log_tails.want(bot.id)
    assert tail
    assert not log_tails.is_current(tail, now)
    assert [found.bot_id for found in log_tails.to_follow(now)] == [bot.id]
    assert log_tails.to_follow(now) == [], "one follows it"
    assert log_tails.keep("m1", bot.id, "hello")
    assert not log_tails.keep("m2", bot.id, "from another machine")
    tail = LogTail.objects.get()
    assert tail.text == "hello"
    assert log_tails.is_current(tail, timezone.now())
    assert not log_tails.is_current(tail, timezone.now() + 2 * log_tails.FRESH)
    later = now + log_tails.FOLLOW
    assert log_tails.to_follow(later) == [], "its reader has gone"
    LogTail.objects.update(wanted_at=later)
    assert [found.bot_id for found in log_tails.to_follow(later)] == [bot.id]
    LogTail.objects.update(wanted_at=now - 2 * log_tails.READER)
    assert not log_tails.keep("m1", bot.id, "too late")
