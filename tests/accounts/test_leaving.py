"""A person who deletes their account, and what is left of them."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.utils import timezone

from butt.accounts import leaving, owners
from butt.accounts.models import AccessToken, Account
from butt.accounts.tokens import issue_token
from butt.agents.models import Agent, Belongs, Wanted
from butt.agents.states import State
from butt.machines.models import Machine
from tests.accounts.test_factors import again
from tests.people import PASSWORD, account, bot_in

pytestmark = pytest.mark.django_db

LATER = timedelta(days=8)


@pytest.fixture
def alice() -> Account:
    return account("alice")


def browser_of(who: Account) -> Client:
    client = Client()
    client.post("/start", {"email": who.email, "password": PASSWORD})
    return client


def goes(client: Client) -> None:
    assert client.post("/account/delete", {"password": PASSWORD}).status_code == 200


def is_gone(bot: Agent) -> None:
    """Remove the bot, as the steward does when its time is over."""
    bot.delete()


def test_deleting_needs_the_password_and_ends_sessions_and_tokens(alice: Account):
    here, there, token = browser_of(alice), browser_of(alice), issue_token(alice)
    bot = bot_in(State.ALIVE, alice.agent)
    assert here.post("/account/delete", {"password": "not hers"}).status_code == 422
    assert Wanted.objects.get(bot=bot).gone_at is None
    goes(here)
    assert Wanted.objects.get(bot=bot).gone_at is not None
    assert here.get("/bots").status_code == there.get("/bots").status_code == 302
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/agents").status_code == 401


def test_nothing_is_left_of_them_when_the_day_has_come(alice: Account):
    bot = bot_in(State.ALIVE, alice.agent)
    goes(browser_of(alice))
    leaving.finish(timezone.now())
    assert Account.objects.exists(), "not before the day"
    leaving.finish(timezone.now() + LATER)
    assert Account.objects.exists(), "not before the bots"
    is_gone(bot)
    leaving.finish(timezone.now() + LATER)
    leaving.finish(timezone.now() + LATER)
    rows = "".join(serializers.serialize("json", model.objects.all()) for model in apps.get_models())
    assert "alice" not in rows.lower()


def test_signing_in_before_the_day_keeps_the_account(alice: Account):
    bot = bot_in(State.ALIVE, alice.agent)
    goes(browser_of(alice))
    back = browser_of(alice)
    assert "Your account will be deleted on" in back.get("/bots").content.decode()
    assert back.post("/account/stay")["Location"] == "/bots"
    assert back.post("/bots/my/restore").status_code == 302
    leaving.finish(timezone.now() + LATER)
    assert Wanted.objects.get(bot=bot).gone_at is None
    assert Account.objects.exists()


def test_a_shared_bot_stays_with_the_others(alice: Account):
    bot, bob = bot_in(State.ALIVE, alice.agent), account("bob")
    owners.accept(bob.agent, owners.key_of(owners.invite(alice.agent, bot, bob.email)))
    goes(browser_of(alice))
    assert Wanted.objects.get(bot=bot).gone_at is None
    assert list(owners.owners_of(bot)) == [bob]


def test_bots_made_or_left_behind_meanwhile_are_deleted_too(alice: Account):
    goes(browser_of(alice))
    bot = bot_in(State.ALIVE, alice.agent)
    leaving.finish(timezone.now() + LATER)
    assert Wanted.objects.get(bot=bot).gone_at is not None
    assert Account.objects.exists()


def test_deleting_an_account_twice_is_like_once(alice: Account):
    bot = bot_in(State.ALIVE, alice.agent)
    leaving.go(alice)
    first = Wanted.objects.get(bot=bot).gone_at
    day = alice.leaves_at
    leaving.go(alice)
    assert (Wanted.objects.get(bot=bot).gone_at, alice.leaves_at) == (first, day)


def test_my_data_has_everything_but_secrets(alice: Account):
    bot_in(State.ALIVE, alice.agent)
    token = issue_token(alice, "backups")
    client = again(browser_of(alice))
    answer = client.get("/account/data")
    mine = answer.json()
    assert (mine["person"]["email"], mine["bots"][0]["name"]) == ("alice@example.org", "my")
    assert mine["tokens"][0]["name"] == "backups"
    assert mine["sessions"]
    assert [entry["what"] for entry in mine["journal"]] == ["create"]
    kept = AccessToken.objects.get().digest, Account.objects.get().password, token
    assert not any(secret in answer.content.decode() for secret in kept)


def test_an_account_stays_until_an_operator_has_removed_its_machine(
    alice: Account, caplog: pytest.LogCaptureFixture
):
    bob, machine = account("bob"), Machine.objects.create(person=alice.agent)
    for who in (alice, bob):
        leaving.go(who)
    leaving.finish(timezone.now() + LATER)
    assert list(Account.objects.all()) == [alice]
    assert f"butt machine remove {machine.minion_id}" in caplog.text
    assert "alice" not in caplog.text
    machine.delete()
    leaving.finish(timezone.now() + LATER)
    assert not Account.objects.exists()


def test_accounts_that_have_to_stay_do_not_keep_others_from_going(alice: Account):
    for number in range(leaving.MOST_AT_ONCE):
        who = account(f"carol{number}")
        Machine.objects.create(person=who.agent)
        leaving.go(who)
    leaving.go(alice)
    for _ in range(5):
        leaving.finish(timezone.now() + LATER)
    assert not Account.objects.filter(id=alice.id).exists()


def test_others_are_untouched(alice: Account):
    bob = account("bob")
    bot_in(State.ALIVE, bob.agent, "bobs")
    goes(browser_of(alice))
    leaving.finish(timezone.now() + LATER)
    assert list(Account.objects.all()) == [bob]
    assert Belongs.objects.count() == 1
    assert EmailAddress.objects.get().user == bob
