"""Emails to owners: one when a bot is down for long, one when it is back, never two alike."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from butt.agents import actions
from butt.agents.models import Agent, Observed, Progress, Wanted
from butt.agents.states import State
from butt.figures.models import Outage
from butt.monitor.outages import tell_owners
from butt.outbox import preferences
from tests.outbox.sent import sent
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def looks(*minutes: float) -> list[str]:
    """Looks at these minutes; the subjects of the emails that went in all."""
    for minute in minutes:
        tell_owners(NOW + timedelta(minutes=minute))
        sent(NOW + timedelta(minutes=minute))
    return [letter.subject for letter in sent(NOW)]


def falls(bot: Agent) -> None:
    Observed.objects.filter(bot=bot).update(alive=False)


def rises(bot: Agent) -> None:
    Observed.objects.filter(bot=bot).update(alive=True)


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, person("alice"))


def test_the_owner_hears_once_that_it_is_down_and_once_that_it_is_back(bot: Agent):
    falls(bot)
    Progress.objects.filter(bot=bot).update(state=State.BROKEN, reason="The disk is full.")
    assert looks(0, 4.9) == []
    assert looks(5, 6, 60) == ["my.localhost is down"]
    letter = sent(NOW)[0]
    assert letter.to == ["alice@example.org"]
    assert "The disk is full." in letter.body
    assert "/bots/my/status" in letter.body
    rises(bot)
    assert looks(61, 62, 90) == ["my.localhost is down", "my.localhost is back"]
    falls(bot)
    assert len(looks(100, 106)) == 3, "another event is another email"


def test_a_short_absence_is_no_news(bot: Agent):
    for minute in range(0, 60, 2):
        (falls if minute % 4 else rises)(bot)
        assert looks(minute) == []


def test_a_bot_that_is_stopped_deleted_or_new_is_not_down(bot: Agent):
    falls(bot)
    Wanted.objects.filter(bot=bot).update(run=False)
    bot_in(State.NEW, person("bob"), "bobs")
    leaving = bot_in(State.LEAVING, person("carol"), "carols")
    Wanted.objects.filter(bot=leaving).update(gone_at=NOW)
    assert looks(0, 10, 20) == []


def test_who_stops_a_bot_that_is_down_hears_no_more_of_it(bot: Agent):
    falls(bot)
    assert looks(0, 6) == ["my.localhost is down"]
    actions.stop(person_of(bot), bot)
    Progress.objects.filter(bot=bot).update(state=State.STOPPED)
    assert looks(7, 30) == ["my.localhost is down"]
    assert Outage.objects.get().ended_at is not None


def test_who_wants_no_e_mails_gets_none_and_others_do(bot: Agent):
    other = bot_in(State.ALIVE, person("bob"), "bobs")
    preferences.set_mail(person_of(bot), wanted=False)
    falls(bot)
    falls(other)
    assert looks(0, 6) == ["bobs.localhost is down"]


def test_mail_that_cannot_be_sent_now_goes_later(bot: Agent, settings: Any):
    falls(bot)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert looks(0, 6) == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert looks(7, 8) == ["my.localhost is down"]


def test_who_did_not_hear_that_it_is_down_does_not_hear_that_it_is_back(bot: Agent, settings: Any):
    falls(bot)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert looks(0, 6) == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    rises(bot)
    assert looks(7, 90) == []


def person_of(bot: Agent) -> Agent:
    return Agent.objects.get(belongings__source_agent=bot)
