"""A community's own server shows nothing about payments."""

import pytest
from django.test import Client
from django.utils import timezone

from butt.agents.models import Wanted
from butt.agents.states import State
from butt.billing.chosen import billing
from butt.billing.free import Free
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    client = Client()
    client.force_login(account("alice"))
    return client


@pytest.mark.parametrize("path", ["/newbie", "/bots", "/bots/new"])
def test_nothing_about_payments_is_shown(alice: Client, path: str):
    text = alice.get(path).content.decode().lower()
    assert not [word for word in ("billing", "payment", "stripe", "usd") if word in text]


@pytest.mark.parametrize("path", ["/billing", "/billing/card", "/billing/cancel", "/billing/invoices/in_1"])
def test_there_are_no_payment_pages(alice: Client, path: str):
    assert alice.get(path).status_code == 404


def test_the_webhook_does_not_exist():
    assert Client().post("/stripe/webhook", "{}", content_type="application/json").status_code == 404


def test_bots_that_were_stopped_under_another_billing_run_again(alice: Client):
    bot = bot_in(State.UNPAID, account("bob").agent)
    Free().round(timezone.now())
    assert Wanted.objects.get(bot=bot).paid


def test_free_billing_is_found_by_its_name():
    assert isinstance(billing(), Free)
