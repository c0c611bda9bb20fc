"""A database that refuses to write: a real SQLite, told to refuse."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from tests.visitor import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def _nothing_can_be_written() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
    yield
    # Not through Django, which refuses to do anything after an error.
    connection.connection.execute("PRAGMA query_only = 0")


def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.usefixtures("_nothing_can_be_written")
def test_a_call_says_try_again_if_the_database_refuses():
    who = {"email": "alice@example.org", "password": PASSWORD}
    answer = client().post(
        "/authentication/register", who, "application/json", HTTP_ACCEPT="application/json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_now")
    assert answer["Retry-After"] == "5"


@pytest.mark.usefixtures("_nothing_can_be_written")
def test_a_page_says_try_again_if_the_database_refuses():
    who = {
        "email": "alice@example.org",
        "password": PASSWORD,
        "password1": PASSWORD,
    }
    answer = client().post("/start", who)
    assert answer.status_code == 503
    assert "try again shortly" in answer.text
    assert answer["Retry-After"] == "5"
