"""A person who deletes a bot gets a mail, and another one before it is too late."""

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
LEAVING, LAST = "You deleted my.localhost", "my.localhost will be gone in a day"


def looks(*days: float) -> list[str]:
    """Look at these days from now; the subjects of all emails sent."""
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


def test_one_mail_at_the_start_and_one_a_day_before_the_end(alice: Agent, bot: Agent):
    assert looks(0) == []
    actions.delete(alice, bot)
    assert looks(0, 0.01, 3, 5.9) == [LEAVING]
    assert looks(6.1, 6.2, 6.9, 7.5) == [LEAVING, LAST]
    assert [letter.to for letter in sent(NOW)] == [["alice@example.org"]] * 2
    gone_at: datetime = Wanted.objects.get(bot=bot).gone_at
    assert f"{gone_at:%H:%M}" in sent(NOW)[1].body
    assert "/bots/my" in sent(NOW)[1].body


def test_restoring_stops_the_mails_until_the_next_deletion(alice: Agent, bot: Agent):
    actions.delete(alice, bot)
    looks(0)
    actions.restore(alice, bot)
    assert looks(6.5) == [LEAVING]
    assert not Farewell.objects.exists()
    actions.delete(alice, bot)
    assert looks(0.1) == [LEAVING, LEAVING]


def test_restoring_and_deleting_between_two_looks_sends_a_new_mail(alice: Agent, bot: Agent):
    actions.delete(alice, bot)
    looks(0)
    actions.restore(alice, bot)
    actions.delete(alice, bot)
    assert looks(0.1) == [LEAVING, LEAVING]


def test_a_short_time_needs_only_one_mail(alice: Agent, bot: Agent):
    actions.delete(alice, bot)
    Wanted.objects.filter(bot=bot).update(gone_at=NOW + timedelta(hours=20))
    assert looks(0, 0.1, 0.5) == [LEAVING]


def test_a_kill_after_the_mark_sends_nothing_twice(alice: Agent, bot: Agent):
    """The mark is what a part that was killed in between has left."""
    actions.delete(alice, bot)
    gone_at = Wanted.objects.get(bot=bot).gone_at
    Farewell.objects.create(bot=bot, gone_at=gone_at, told_at=NOW)
    assert looks(0, 1) == []


def test_a_failed_mail_is_tried_again(alice: Agent, bot: Agent, settings):
    actions.delete(alice, bot)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert looks(0) == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert looks(0.1) == [LEAVING]
