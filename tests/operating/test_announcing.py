"""An announcement reaches each person once, whatever goes wrong in between."""

from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from butt.accounts.models import Account
from butt.agents.models import JournalEntry
from butt.command import operator as command
from butt.operating import NotDone, announcing
from butt.operating.announcing import announce, tell_everybody
from butt.operating.models import Announcement
from tests.people import account

pytestmark = pytest.mark.django_db
PEOPLE = [f"p{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five people, and one who is suspended; two get it in each step."""
    monkeypatch.setattr(announcing, "AT_ONCE", 2)
    for name in PEOPLE:
        account(name)
    Account.objects.filter(id=account("closed").id).update(is_active=False)


def told() -> list[str]:
    return [letter.to[0].partition("@")[0] for letter in mail.outbox]


def until_done() -> int:
    """How many steps it took."""
    steps = 0
    while tell_everybody(timezone.now()):
        steps += 1
    return steps


def test_everybody_with_an_open_account_gets_it_once_a_few_at_a_time():
    announce("operator olga", "Away on  Sunday", "From 8 to 9.")
    late, made_at = account("late"), Announcement.objects.get().made_at
    # The database's clock may tick only once a millisecond.
    Account.objects.filter(id=late.id).update(created_at=made_at + timedelta(milliseconds=1))
    assert until_done() == 3
    assert told() == PEOPLE
    assert {letter.subject for letter in mail.outbox} == {"Away on Sunday"}
    assert Announcement.objects.get().done_at
    assert until_done() == 0
    entry = JournalEntry.objects.get(what="announced")
    assert (entry.actor, entry.detail) == ("operator olga", {"subject": "Away on Sunday"})


def test_if_mail_fails_it_waits_and_continues_with_the_others(monkeypatch: pytest.MonkeyPatch):
    send, works = EmailBackend.send_messages, [True, True, True, False]

    def sometimes(self: EmailBackend, messages: Any) -> int:
        if works and not works.pop(0):
            raise ConnectionRefusedError
        return send(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", sometimes)
    announce("operator olga", "Away", "From 8 to 9.")
    until_done()
    assert told() == PEOPLE[:3]
    assert not Announcement.objects.get().done_at
    until_done()
    assert told() == PEOPLE


@pytest.mark.parametrize(("subject", "text"), [("", "x"), ("x", " "), ("x" * 121, "x"), ("x", "x" * 5001)])
def test_an_invalid_announcement_is_refused(subject: str, text: str):
    with pytest.raises(NotDone):
        announce("operator olga", subject, text)


def test_a_second_click_sends_nothing_twice():
    announce("operator olga", "Away", "From 8 to 9.")
    with pytest.raises(NotDone, match="already being sent"):
        announce("operator olga", "Away", "From 8 to 9.")


def test_it_is_sent_from_the_console_and_by_a_command(monkeypatch: pytest.MonkeyPatch):
    olga = account("olga")
    Account.objects.filter(id=olga.id).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(Account.objects.get(id=olga.id))
    assert client.post("/console/announce", {"subject": "One", "text": "x"}).status_code == 302
    monkeypatch.setattr(command, "configure", lambda **_: None)
    run = CliRunner().invoke(command.announce, ["Two", "-"], input="From 8 to 9.")
    assert run.exit_code == 0, run.output
    assert [row.subject for row in Announcement.objects.order_by("id")] == ["One", "Two"]
    assert JournalEntry.objects.filter(what="announced", actor=str(olga.agent_id)).count() == 1
