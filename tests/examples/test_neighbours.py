"""A billing where neighbours pay nothing, chosen as an operator chooses it."""

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from butt.accounts.models import Account
from butt.agents.models import Wanted
from butt.agents.states import State
from butt.billing.chosen import billing
from butt.billing.interface import Billing
from butt.configuration import configuration
from tests.people import PASSWORD, account, bot_in

pytestmark = pytest.mark.django_db
NEW_BOT = {"type": "bot", "name": "my", "service": "pub"}


@pytest.fixture(autouse=True)
def neighbours(installed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Billing]:
    monkeypatch.setenv("BUTT_BILLING", "neighbours")
    configuration.cache_clear()
    billing.cache_clear()
    yield billing()
    monkeypatch.undo()
    configuration.cache_clear()
    billing.cache_clear()


def asks_for_a_bot(email: str) -> tuple[int, dict[str, dict[str, str]]]:
    there = Client()
    asked = {"email": email, "password": PASSWORD}
    token = there.post("/authentication/sign-in", asked, content_type="application/json").json()[
        "accessToken"
    ]
    bearer = {"Authorization": f"Bearer {token}"}
    answer = there.post("/agents", NEW_BOT, content_type="application/json", headers=bearer)
    return answer.status_code, answer.json()


def verified(somebody: Account) -> Account:
    EmailAddress.objects.filter(user=somebody).update(verified=True)
    return somebody


def test_a_neighbour_gets_a_bot_for_free():
    verified(account("alice"))
    status, bot = asks_for_a_bot("alice@example.org")
    assert (status, bot["name"]) == (201, "my")


def test_an_unverified_address_does_not_count():
    account("alice")
    status, answer = asks_for_a_bot("alice@example.org")
    assert (status, answer["error"]["code"]) == (402, "payment_due")
    assert "Bots here are for people of example.org" in answer["error"]["message"]


def test_an_address_that_only_ends_alike_does_not_count():
    somebody = verified(account("alice"))
    Account.objects.filter(pk=somebody.pk).update(email="alice@notexample.org")
    EmailAddress.objects.filter(user=somebody).update(email="alice@notexample.org")
    assert asks_for_a_bot("alice@notexample.org")[0] == 402


def test_nothing_about_payments_is_shown():
    client = Client()
    client.force_login(verified(account("alice")))
    text = client.get("/newbie").content.decode().lower()
    assert not [word for word in ("payment", "stripe", "usd") if word in text]


def test_bots_that_another_billing_stopped_run_again(neighbours: Billing):
    bot = bot_in(State.UNPAID, account("bob").agent)
    Wanted.objects.filter(bot=bot).update(paid=False)
    neighbours.round(Wanted.objects.get(bot=bot).asked_at)
    assert Wanted.objects.get(bot=bot).paid
