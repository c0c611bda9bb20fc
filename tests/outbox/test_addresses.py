"""An address that cannot receive mail does not delay messages to others."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from butt.accounts.models import Account
from butt.outbox.models import OutboxMessage
from butt.outbox.posting import post
from butt.outbox.sending import send_due
from tests.people import account
from tests.post_office import reached

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _post_office(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.post_office.PostOffice"


def told(*people: Account, about: str = "1", event: str = "leaving", now: datetime = NOW) -> None:
    post(event, about, people, now, bot="my.localhost", until=NOW, link="/bots/my")


@pytest.mark.parametrize("first", ["alice", "bob"])
def test_each_owner_is_told_once_although_anothers_address_fails(first: str):
    told(account(first), account({"alice": "bob", "bob": "alice"}[first]))
    for minute in range(3):
        send_due(NOW + timedelta(minutes=minute))
    assert reached() == ["alice@example.org"]


@pytest.mark.parametrize("name", ["bob", "frank"])
def test_an_address_that_fails_does_not_delay_others(name: str):
    told(account(name), account("erin"))
    send_due(NOW)
    assert reached() == ["erin@example.org"]


def test_many_messages_to_a_full_mailbox_do_not_delay_others():
    frank, erin = account("frank"), account("erin")
    for number in range(5):
        told(frank, about=str(number))
    told(erin)
    send_due(NOW)
    send_due(NOW)
    assert reached() == ["erin@example.org"]


def test_messages_of_one_kind_do_not_delay_those_of_another():
    erin, frank = account("erin"), account("frank")
    told(erin)
    send_due(NOW)
    week = NOW + timedelta(days=6.5)
    for number in range(3):
        told(frank, about=str(number), now=week)
    told(erin, event="gone-soon", now=week)
    send_due(week)
    send_due(week)
    assert [letter.subject for letter in mail.outbox] == [
        "You deleted my.localhost",
        "my.localhost will be gone in a day",
    ]


def test_if_mail_does_not_work_each_round_tries_only_three_times(caplog: pytest.LogCaptureFixture):
    frank = account("frank")
    for number in range(5):
        told(frank, about=str(number))
    send_due(NOW)
    assert len([entry for entry in caplog.messages if "could not be sent" in entry]) == 3


def test_a_failing_message_is_tried_less_and_less_often_and_given_up_after_a_week(
    caplog: pytest.LogCaptureFixture,
):
    told(account("frank"))
    message = OutboxMessage.objects.get()
    waits = []
    for _ in range(4):
        now = OutboxMessage.objects.get().due_at or NOW
        send_due(now)
        waits.append((OutboxMessage.objects.get().due_at or now) - now)
    assert waits == [timedelta(seconds=seconds) for seconds in (30, 60, 120, 240)]
    send_due(message.created_at + timedelta(days=7, minutes=1))
    given_up = OutboxMessage.objects.get()
    assert (given_up.due_at, given_up.sent_at) == (None, None)
    assert f"gave up message {message.pk}" in caplog.text
