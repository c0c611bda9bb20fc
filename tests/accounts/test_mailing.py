"""One email to each of several people, although some addresses cannot receive any."""

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
def test_the_mail_counts_as_sent_once_one_person_is_reached(to: list[str]):
    assert write_to([f"{name}@example.org" for name in to], "hello", "how are you?")
    assert reached() == [f"{name}@example.org" for name in to if name == "alice"]


def test_an_address_that_is_rejected_for_good_is_not_tried_again():
    assert write_to(["bob@example.org"], "hello", "how are you?")


@pytest.mark.parametrize("to", [["frank"], ["bob", "frank"]])
def test_an_address_that_cannot_receive_mail_now_is_tried_again(to: list[str]):
    assert not write_to([f"{name}@example.org" for name in to], "hello", "how are you?")


@pytest.mark.django_db
def test_registering_does_not_wait_for_a_silent_mail_server(settings: Any):
    assert settings.EMAIL_TIMEOUT <= 10, "it is sent while somebody waits for a page"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        settings.EMAIL_TIMEOUT = 0.2
        answer = Client().post("/start", {"email": "dan@example.org", "password": PASSWORD})
        assert (answer.status_code, answer["Location"]) == (302, "/newbie")
        silent.settimeout(5)
        silent.accept()[0].close()
