"""One e-mail for each person of several, though not every address takes any."""

import socket
from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from butt.accounts.mailing import write_to
from butt.agents import wishes
from butt.agents.models import Belongs
from butt.agents.states import State
from butt.leaving.letters import tell_of_leaving
from tests.people import PASSWORD, bot_in, person


class PostOffice(EmailBackend):
    """Takes no mail for Bob."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            if message.to == ["bob@example.org"]:
                raise SMTPRecipientsRefused({"bob@example.org": (550, b"no such box")})
        return super().send_messages(messages)


@pytest.fixture(autouse=True)
def _post_office(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.PostOffice"


def reached() -> list[str]:
    return [to for letter in mail.outbox for to in letter.to]


@pytest.mark.parametrize(
    ("to", "works"), [(["alice", "bob"], True), (["bob", "alice"], True), (["bob"], False), ([], True)]
)
def test_it_works_as_soon_as_one_is_reached(to: list[str], works: bool):
    assert write_to([f"{name}@example.org" for name in to], "hello", "how are you?") is works
    assert reached() == [f"{name}@example.org" for name in to if name != "bob"]


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


@pytest.mark.django_db
@pytest.mark.parametrize("first", ["alice", "bob"])
def test_who_shares_a_bot_is_told_once_though_anothers_address_takes_no_mail(first: str):
    people = {name: person(name) for name in ("alice", "bob")}
    bot = bot_in(State.ALIVE, people.pop(first))
    Belongs.objects.create(source_agent=bot, target_agent=next(iter(people.values())))
    wishes.delete(person("carol"), bot)
    for _ in range(3):
        tell_of_leaving(timezone.now())
    assert reached() == ["alice@example.org"]
