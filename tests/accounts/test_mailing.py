"""One e-mail for each person of several, though not every address takes any."""

import socket
from typing import Any

import pytest
from django.test import Client

from butt.accounts.mailing import write_to
from tests.people import PASSWORD
from tests.post_office import reached


@pytest.fixture(autouse=True)
def _post_office(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.post_office.PostOffice"


@pytest.mark.parametrize("to", [["alice", "bob"], ["bob", "alice"], ["frank", "alice"], []])
def test_it_is_done_as_soon_as_one_is_reached(to: list[str]):
    assert write_to([f"{name}@example.org" for name in to], "hello", "how are you?")
    assert reached() == [f"{name}@example.org" for name in to if name == "alice"]


def test_an_address_that_is_refused_for_good_is_done_with_as_trying_again_would_end_no_better():
    assert write_to(["bob@example.org"], "hello", "how are you?")


@pytest.mark.parametrize("to", [["frank"], ["bob", "frank"]])
def test_an_address_that_takes_no_mail_now_is_to_be_tried_again(to: list[str]):
    assert not write_to([f"{name}@example.org" for name in to], "hello", "how are you?")


@pytest.mark.django_db
def test_who_registers_waits_for_no_mail_server_that_says_nothing(settings: Any):
    assert settings.EMAIL_TIMEOUT <= 10, "it is sent while somebody waits for a page"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        settings.EMAIL_TIMEOUT = 0.2
        answer = Client().post("/start", {"email": "dan@example.org", "password": PASSWORD})
        assert (answer.status_code, answer["Location"]) == (302, "/newbie")
        silent.settimeout(5)
        silent.accept()[0].close()
