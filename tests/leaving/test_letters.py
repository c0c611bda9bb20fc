"""Who deletes a bot hears of it, and once more before it is too late."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from butt.agents import actions
from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.leaving.letters import tell_of_leaving
from butt.leaving.models import Farewell
from tests.outbox.sent import sent
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LEAVING, LAST = "my.localhost is leaving", "my.localhost is gone in a day"


def looks(*days: float) -> list[str]:
    """Looks at these days from now; the subjects of the e-mails that went in all."""
    for day in days:
        tell_of_leaving(NOW + timedelta(days=day))
        sent(NOW + timedelta(days=day))
    return [letter.subject for letter in sent(NOW)]


@pytest.fixture
def alice() -> Agent:
    return person("alice")


@pytest.fixture
def bot(alice: Agent) -> Agent:
    return bot_in(State.ALIVE, alice)


def test_one_at_the_start_and_one_a_day_before_the_end(alice: Agent, bot: Agent):
    assert looks(0) == []
    actions.delete(alice, bot)
    assert looks(0, 0.01, 3, 5.9) == [LEAVING]
    assert looks(6.1, 6.2, 6.9, 7.5) == [LEAVING, LAST]
    assert [letter.to for letter in sent(NOW)] == [["alice@example.org"]] * 2
    gone_at: datetime = Wanted.objects.get(bot=bot).gone_at
    assert f"{gone_at:%H:%M}" in sent(NOW)[1].body
    assert "/bots/my" in sent(NOW)[1].body


def test_who_restores_hears_no_more_and_is_told_anew_of_the_next_time(alice: Agent, bot: Agent):
    actions.delete(alice, bot)
    looks(0)
    actions.restore(alice, bot)
    assert looks(6.5) == [LEAVING]
    assert not Farewell.objects.exists()
    actions.delete(alice, bot)
    assert looks(0.1) == [LEAVING, LEAVING]


def test_who_restores_and_deletes_between_two_looks_is_told_anew(alice: Agent, bot: Agent):
    actions.delete(alice, bot)
    looks(0)
    actions.restore(alice, bot)
    actions.delete(alice, bot)
    assert looks(0.1) == [LEAVING, LEAVING]


def test_a_short_time_needs_one_letter(alice: Agent, bot: Agent):
    actions.delete(alice, bot)
    Wanted.objects.filter(bot=bot).update(gone_at=NOW + timedelta(hours=20))
    assert looks(0, 0.1, 0.5) == [LEAVING]


def test_killed_after_the_mark_it_is_not_sent_twice(alice: Agent, bot: Agent):
    """The mark is what a part that was killed in between has left."""
    actions.delete(alice, bot)
    gone_at = Wanted.objects.get(bot=bot).gone_at
    Farewell.objects.create(bot=bot, gone_at=gone_at, told_at=NOW)
    assert looks(0, 1) == []


def test_while_mail_does_not_work_it_is_tried_again(alice: Agent, bot: Agent, settings):
    actions.delete(alice, bot)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert looks(0) == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert looks(0.1) == [LEAVING]
