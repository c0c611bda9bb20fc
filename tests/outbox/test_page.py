"""The page of a person's webhook."""

import re

import pytest
from django.test import Client

from butt.accounts.models import Account
from butt.outbox import preferences
from tests.people import PASSWORD, account

pytestmark = pytest.mark.django_db
PAGE, URL = "/account/webhook", "https://example.org/butt"


@pytest.fixture
def alice() -> Account:
    return account("alice")


@pytest.fixture
def client(alice: Account) -> Client:
    """Alice's browser, in which she has just entered her password."""
    client = Client()
    client.post("/start", {"email": alice.email, "password": PASSWORD})
    client.post("/account/again", {"password": PASSWORD})
    return client


def test_the_secret_is_shown_once_and_each_address_has_its_own(client: Client, alice: Account):
    secrets = []
    for _ in range(2):
        page = client.post(PAGE, {"url": URL}).content.decode()
        secret = preferences.of(alice.agent).webhook_secret
        assert secret in page
        secrets.append(secret)
    assert len(set(secrets)) == 2
    page = client.get(PAGE).content.decode()
    assert URL in page
    assert secrets[1] not in page


def test_a_refused_address_is_marked_at_its_field_and_changes_nothing(client: Client, alice: Account):
    client.post(PAGE, {"url": URL})
    answer = client.post(PAGE, {"url": "https://10.0.0.1/"})
    assert answer.status_code == 422
    assert re.search(r'aria-invalid="true"', answer.content.decode())
    assert preferences.of(alice.agent).webhook == URL


def test_an_empty_address_removes_the_webhook(client: Client, alice: Account):
    client.post(PAGE, {"url": URL})
    assert "We no longer call a webhook." in client.post(PAGE, {"url": ""}).content.decode()
    assert (preferences.of(alice.agent).webhook, preferences.of(alice.agent).webhook_secret) == ("", "")


def test_the_page_asks_for_the_password_again_after_a_while(alice: Account):
    client = Client()
    client.force_login(alice)
    assert "/account/again" in client.get(PAGE)["Location"]
