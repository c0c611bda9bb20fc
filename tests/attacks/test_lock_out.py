"""Guessing at an account does not lock its owner out of a browser in which they signed in before."""

import pytest
from django.test import Client

from butt.limits.table import ACCOUNT_GUESSES, ADDRESS_GUESSES, BROWSER_GUESSES
from butt.public.browsers import COOKIE
from tests.accounts.test_guessing import guess, is_wrong
from tests.people import PASSWORD, account

pytestmark = pytest.mark.django_db
ALICE = "alice@example.org"


def tries(browser: Client, password: str, email: str = ALICE) -> int:
    return browser.post("/start", {"email": email, "password": password}).status_code


@pytest.fixture
def browser() -> Client:
    """A browser in which Alice signed in once, and out again."""
    account("alice")
    client = Client()
    assert tries(client, PASSWORD) == 302
    client.post("/sign-out")
    return client


@pytest.fixture
def _somebody_guesses(browser: Client) -> None:
    """Guess from everywhere, and from Alice's own address."""
    for number in range(ACCOUNT_GUESSES.most):
        is_wrong(ALICE, f"192.0.2.{number}")
    for number in range(ADDRESS_GUESSES.most):
        is_wrong(f"nobody{number}@example.org", "127.0.0.1")
    assert guess(ALICE, PASSWORD, "198.51.100.1") == 429


@pytest.mark.usefixtures("_somebody_guesses")
def test_she_can_sign_in_from_her_own_browser_only(browser: Client):
    assert tries(browser, "a slip") == 422
    assert tries(browser, PASSWORD) == 302
    assert tries(Client(), PASSWORD) == 429


@pytest.mark.usefixtures("_somebody_guesses")
def test_she_can_confirm_her_password_there_too(browser: Client):
    assert tries(browser, PASSWORD) == 302
    assert browser.post("/account/delete", {"password": "a slip"}).status_code == 422
    assert browser.post("/account/delete", {"password": PASSWORD}).status_code == 200


def test_a_known_browser_allows_no_more_guesses_than_others(browser: Client):
    assert [tries(browser, f"guess {n}") for n in range(BROWSER_GUESSES.most + 1)][-2:] == [422, 429]
    assert tries(browser, PASSWORD) == 429
    assert tries(Client(), PASSWORD) == 302, "which locks nobody out elsewhere"


@pytest.mark.usefixtures("_somebody_guesses")
def test_forged_cookies_and_those_of_others_do_not_help(browser: Client):
    account("eve")
    eves = Client()
    eves.cookies[COOKIE] = browser.cookies[COOKIE].value[:-1] + "x"
    assert tries(eves, PASSWORD) == 429
    known = Client(REMOTE_ADDR="198.51.100.7")
    assert tries(known, PASSWORD, "eve@example.org") == 302
    known.post("/sign-out")
    assert tries(known, PASSWORD) == 429


def test_the_cookie_does_not_reveal_who_signed_in(browser: Client):
    cookie = browser.cookies[COOKIE]
    assert "alice" not in cookie.value
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
