"""One e-mail for each person of several, though not every address takes any."""

import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from butt.accounts.mailing import write_to
from butt.agents import actions
from butt.agents.models import Agent, Belongs
from butt.agents.states import State
from butt.figures.models import Outage
from butt.leaving.letters import tell_of_leaving
from butt.monitor.outages import tell_owners
from tests.people import PASSWORD, bot_in, person

ANSWERS = {"bob": (550, b"no such box"), "frank": (452, b"the box is full")}


class PostOffice(EmailBackend):
    """Never takes mail for Bob, and none for Frank now."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            if answer := ANSWERS.get(message.to[0].partition("@")[0]):
                raise SMTPRecipientsRefused({message.to[0]: answer})
        return super().send_messages(messages)


@pytest.fixture(autouse=True)
def _post_office(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.PostOffice"


def reached() -> list[str]:
    return [to for letter in mail.outbox for to in letter.to]


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


@pytest.mark.django_db
@pytest.mark.parametrize("first", ["alice", "bob"])
def test_who_shares_a_bot_is_told_once_though_anothers_address_takes_no_mail(first: str):
    people = {name: person(name) for name in ("alice", "bob")}
    bot = bot_in(State.ALIVE, people.pop(first))
    Belongs.objects.create(source_agent=bot, target_agent=next(iter(people.values())))
    actions.delete(person("carol"), bot)
    for _ in range(3):
        tell_of_leaving(timezone.now())
    assert reached() == ["alice@example.org"]


def leaves(owner: Agent, name: str) -> None:
    actions.delete(owner, bot_in(State.ALIVE, owner, name))


def breaks(owner: Agent, name: str) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    Outage.objects.create(bot=bot_in(State.BROKEN, owner, name), began_at=hour_ago)


EITHER = pytest.mark.parametrize(("happens", "look"), [(leaves, tell_of_leaving), (breaks, tell_owners)])


@pytest.mark.django_db
@EITHER
@pytest.mark.parametrize("name", ["bob", "frank"])
def test_an_address_that_takes_no_mail_keeps_nobody_else_waiting(
    name: str, happens: Callable[[Agent, str], None], look: Callable[[datetime], None]
):
    for who in (name, "erin"):
        happens(person(who), f"of-{who}")
    look(timezone.now())
    assert reached() == ["erin@example.org"]


@pytest.mark.django_db
@EITHER
def test_nor_do_many_bots_of_whose_box_is_full(
    happens: Callable[[Agent, str], None], look: Callable[[datetime], None]
):
    """Each look tries others: three failures in a row end one, as mail may not work at all."""
    frank = person("frank")
    for number in range(5):
        happens(frank, f"franks{number}")
    happens(person("erin"), "erins")
    for _ in range(50):
        look(timezone.now())
    assert reached() == ["erin@example.org"]


@pytest.mark.django_db
def test_nor_do_letters_of_one_kind_those_of_another():
    erin, frank = person("erin"), person("frank")
    leaves(erin, "erins")
    tell_of_leaving(timezone.now())
    week = timezone.now() + timedelta(days=6.5)
    for number in range(3):
        leaves(frank, f"franks{number}")
    tell_of_leaving(week)
    assert [letter.subject for letter in mail.outbox] == [
        "erins.localhost is leaving",
        "erins.localhost is gone in a day",
    ]


@pytest.mark.django_db
@EITHER
def test_where_mail_does_not_work_a_look_asks_three_times_and_no_more(
    happens: Callable[[Agent, str], None], look: Callable[[datetime], None], caplog: pytest.LogCaptureFixture
):
    frank = person("frank")
    for number in range(5):
        happens(frank, f"franks{number}")
    look(timezone.now())
    assert len([entry for entry in caplog.messages if "could not be sent" in entry]) == 3
