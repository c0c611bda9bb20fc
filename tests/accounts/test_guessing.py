"""Guessing passwords is limited, whichever account is guessed and wherever the guesses come from."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from django.test import Client

from butt.accounts.guessing import one_guess, one_newcomer
from butt.accounts.models import Account
from butt.limits.counts import TooOften
from butt.limits.models import Count
from butt.limits.table import ACCOUNT_GUESSES, ADDRESS_ACCOUNTS, ADDRESS_GUESSES
from tests.people import PASSWORD, account
from tests.tables import with_tables

pytestmark = pytest.mark.django_db

PER_ACCOUNT, PER_ADDRESS = ACCOUNT_GUESSES.default, ADDRESS_GUESSES.default
NEW_PER_ADDRESS = ADDRESS_ACCOUNTS.default


def guess(email: str, password: str, address: str = "192.0.2.1", path: str = "/start") -> int:
    form = {"email": email, "password": password}
    if path == "/start":
        return Client().post(path, form, REMOTE_ADDR=address).status_code
    answer = Client().post(path, json.dumps(form), content_type="application/json", REMOTE_ADDR=address)
    return answer.status_code


class CutOff(Exception):
    pass


def is_wrong(account: str, address: str = "192.0.2.1") -> None:
    """Ends as a wrong guess over the web does, without the slow hashing of a password."""
    with suppress(CutOff), one_guess(account, address):
        raise CutOff


def is_right(account: str, address: str = "192.0.2.1") -> None:
    with one_guess(account, address):
        pass


@pytest.mark.parametrize(("path", "wrong"), [("/start", 422), ("/authentication/sign-in", 401)])
def test_an_account_allows_ten_guesses_from_anywhere_and_no_more(path: str, wrong: int):
    account("alice")
    for number in range(PER_ACCOUNT):
        assert guess("alice@example.org", f"guess {number}", f"192.0.2.{number}", path) == wrong
    assert guess("alice@example.org", PASSWORD, "198.51.100.1", path) == 429
    Count.objects.update(until="2020-01-01T00:00Z")
    assert guess("alice@example.org", PASSWORD, "198.51.100.1", path) in {201, 302}


def test_guesses_on_the_page_and_over_the_api_count_together():
    account("alice")
    for number in range(PER_ACCOUNT):
        guess("alice@example.org", "no", path="/start" if number % 2 else "/authentication/sign-in")
    assert guess("alice@example.org", PASSWORD) == 429
    assert guess("alice@example.org", PASSWORD, path="/authentication/sign-in") == 429


def test_an_address_that_tries_one_account_after_the_other_is_slowed():
    account("alice")
    for number in range(PER_ADDRESS):
        is_wrong(f"somebody {number}", "2001:db8:1:2::1")
    with pytest.raises(TooOften), one_guess("alice", "2001:db8:1:2:ffff::9"):
        pass
    with one_guess("alice", "2001:db8:1:3::1"):
        pass


def test_a_refusal_says_how_long_to_wait():
    account("alice")
    body = json.dumps({"email": "alice@example.org", "password": "no"})
    for _ in range(PER_ACCOUNT + 1):
        answer = Client().post("/authentication/sign-in", body, content_type="application/json")
    assert answer.json()["error"]["code"] == "too_many_guesses"
    assert 0 < int(answer["Retry-After"]) <= 600


def test_a_right_password_resets_the_accounts_count_but_not_the_addresss():
    account("alice"), account("eve")
    for _ in range(PER_ACCOUNT - 1):
        guess("alice@example.org", "no")
    assert guess("alice@example.org", PASSWORD) == 302
    assert guess("alice@example.org", "no") == 422
    for number in range(PER_ADDRESS - PER_ACCOUNT - 1):
        is_right("eve@example.org")
        is_wrong(f"nobody{number}@example.org")
    assert guess("eve@example.org", PASSWORD) == 302
    assert guess("nobody@example.org", "no") == 422
    assert guess("eve@example.org", PASSWORD) == 429
    assert Count.objects.count() > 0


MANY_AT_ONCE = """
import threading
from contextlib import suppress
from django.db import connection
from butt.accounts.guessing import one_guess
from butt.limits.counts import TooOften
from butt.limits.table import ACCOUNT_GUESSES

let_in, ended = [], []

def tries():
    with suppress(TooOften, KeyError), one_guess("alice", "192.0.2.1"):
        let_in.append(1)
        raise KeyError
    ended.append(1)
    connection.close()

threads = [threading.Thread(target=tries) for _ in range(3 * ACCOUNT_GUESSES.default)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
print(len(let_in), len(ended))
"""


def test_many_guesses_at_once_get_no_more_tries(tmp_path: Path):
    """In a database file, as the service has one: connections to a database in memory do not wait for each
    other.
    """
    with_tables(tmp_path)
    command = [
        sys.executable,
        "-m",
        "butt",
        "manage",
        "--home",
        str(tmp_path),
        "shell",
        "-v0",
        "-c",
        MANY_AT_ONCE,
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    let_in, ended = map(int, done.stdout.split())
    assert ended == 3 * PER_ACCOUNT, done.stderr
    assert 1 <= let_in <= PER_ACCOUNT


def test_the_table_of_guesses_contains_no_names():
    guess("alice@example.org", "no")
    account("alice")
    guess("alice@example.org", "no")
    assert "alice" not in repr(list(Count.objects.values_list("key", flat=True)))


def said_to(email: str, password: str) -> tuple[int, str]:
    answer = Client().post("/start", {"email": email, "password": password})
    return answer.status_code, re.search(r'id="password-error"[^>]*>([^<]+)', answer.content.decode())[1]


@pytest.mark.parametrize("password", ["short", "12345678", "somebody@example.org"])
def test_a_forbidden_password_does_not_reveal_whether_an_address_is_known(password: str):
    account("somebody")
    known, unknown = (said_to(f"{name}@example.org", password) for name in ("somebody", "another"))
    assert known[0] == unknown[0] == 422
    assert known[1].startswith("Wrong email or password. For a new account: ")
    if password != "somebody@example.org":
        assert known == unknown
    assert Account.objects.count() == 1


def test_trying_addresses_with_a_forbidden_password_is_limited_too():
    assert guess("nobody@example.org", "short") == 422
    for number in range(PER_ADDRESS - 2):
        is_wrong(f"nobody{number}@example.org")
    codes = [guess(f"somebody{number}@example.org", "short") for number in range(2)]
    assert codes == [422, 429]


@pytest.mark.parametrize(("path", "done"), [("/start", 302), ("/authentication/register", 201)])
def test_making_many_accounts_from_one_address_is_limited(path: str, done: int):
    for _ in range(NEW_PER_ADDRESS):
        one_newcomer("192.0.2.1")
    assert guess("alice@example.org", PASSWORD, "192.0.2.1", path) == 429
    assert guess("alice@example.org", PASSWORD, "198.51.100.1", path) == done
    assert guess("alice@example.org", PASSWORD, "192.0.2.1") == 302, "who has an account comes in"


def test_asking_the_api_which_addresses_are_taken_is_limited():
    account("alice")
    codes = [guess("alice@example.org", PASSWORD, path="/authentication/register")]
    for _ in range(NEW_PER_ADDRESS - 2):
        one_newcomer("192.0.2.1")
    codes += [guess("alice@example.org", PASSWORD, path="/authentication/register") for _ in range(2)]
    assert codes == [409, 409, 429]
