"""Deleting asks for the bot's name, and a second click does no harm."""

import pytest
from django.test import Client

from butt.agents.models import JournalEntry, Wanted
from butt.agents.states import Action, State
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db
PATH = "/bots/my/delete"


@pytest.fixture
def browser() -> Client:
    alice = account("alice")
    bot_in(State.ALIVE, alice.agent)
    client = Client()
    client.force_login(alice)
    return client


@pytest.mark.parametrize("typed", ["", "another", "m y"])
def test_without_its_name_nothing_is_deleted(browser: Client, typed: str):
    answer = browser.post(PATH, {"name": typed})
    assert answer.status_code == 422
    assert "To delete it, type its name: my" in answer.text
    assert Wanted.objects.get().gone_at is None


def test_a_second_click_changes_nothing_and_is_not_an_error(browser: Client):
    assert browser.post(PATH, {"name": " My "})["Location"] == "/bots/my"
    gone_at = Wanted.objects.get().gone_at
    assert gone_at
    again = browser.post(PATH, {"name": "my"}, follow=True)
    assert "You cannot delete" not in again.text
    assert Wanted.objects.get().gone_at == gone_at
    assert JournalEntry.objects.filter(what=Action.DELETE).count() == 1
