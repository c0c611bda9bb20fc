"""Messages in the outbox are sent once, in order, and forgotten long after."""

from datetime import timedelta
from string import Formatter

import pytest
from django.utils import timezone

from butt.accounts.models import Account
from butt.outbox import preferences
from butt.outbox.models import OutboxMessage
from butt.outbox.posting import post
from butt.outbox.sending import KEPT, forget_old
from butt.outbox.words import TEMPLATES, written
from tests.outbox.sent import sent
from tests.people import account

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def alice() -> Account:
    return account("alice")


def tell(alice: Account, event: str, about: str = "1") -> None:
    post(
        event, about, [alice], NOW, bot="my.localhost", until=NOW, at=NOW, reason="It fell.", link="/bots/my"
    )


def test_a_person_is_not_told_twice(alice: Account):
    for _ in range(2):
        tell(alice, "leaving")
        sent(NOW)
    tell(alice, "leaving", about="2")
    assert len(sent(NOW)) == 2


def test_messages_are_sent_in_the_order_of_posting(alice: Account):
    for number in range(5):
        tell(alice, "leaving", about=str(number))
        tell(alice, "gone-soon", about=str(number))
    assert [letter.subject.startswith("You deleted") for letter in sent(NOW)] == [True, False] * 5


def test_a_closed_account_gets_nothing_even_if_posted_before(alice: Account):
    tell(alice, "leaving")
    Account.objects.filter(id=alice.id).update(is_active=False)
    assert sent(NOW) == []
    assert sent(NOW + timedelta(days=1)) == []


def test_only_some_messages_can_be_turned_off(alice: Account):
    preferences.set_mail(alice.agent, wanted=False)
    tell(alice, "down")
    tell(alice, "leaving")
    assert [letter.subject for letter in sent(NOW)] == ["You deleted my.localhost"]


def test_preferences_changed_after_posting_count(alice: Account):
    tell(alice, "down")
    preferences.set_mail(alice.agent, wanted=False)
    assert sent(NOW) == []
    preferences.set_mail(alice.agent, wanted=True)
    assert sent(NOW) == []


def test_an_e_mail_that_is_sent_again_has_the_same_id(alice: Account):
    tell(alice, "leaving")
    sent(NOW)
    OutboxMessage.objects.update(due_at=NOW, sent_at=None)
    first, second = sent(NOW)
    assert first.message()["Message-ID"] == second.message()["Message-ID"] != ""


def test_messages_are_forgotten_long_after_sending(alice: Account):
    tell(alice, "leaving")
    forget_old(NOW + KEPT + timedelta(days=1))
    assert OutboxMessage.objects.count() == 1, "what waits is not forgotten"
    sent(NOW)
    forget_old(NOW + KEPT - timedelta(days=1))
    assert OutboxMessage.objects.count() == 1
    forget_old(NOW + KEPT + timedelta(days=1))
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("event", TEMPLATES)
def test_each_event_has_words(event: str):
    words = TEMPLATES[event]
    named = {
        name for text in (words.subject, words.text) for _, name, _, _ in Formatter().parse(text) if name
    }
    times = {"at", "until", "stops", "leaves", "last", "ends"}
    values = {name: NOW.isoformat() if name in times else f"the {name}" for name in named - {"keep"}}
    subject, text = written(event, {**values, "link": "/somewhere"})
    assert len(event) <= OutboxMessage._meta.get_field("event").max_length
    assert len(subject) < 100
    assert text.endswith("/somewhere\n")
    assert "{" not in subject + text
