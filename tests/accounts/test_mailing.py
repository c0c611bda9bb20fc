"""One e-mail for each person of several, though not every address takes any."""

from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from butt.accounts.mailing import write_to
from butt.agents import wishes
from butt.agents.models import Belongs
from butt.agents.states import State
from butt.leaving.letters import tell_of_leaving
from tests.people import bot_in, person


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
@pytest.mark.parametrize("first", ["alice", "bob"])
def test_who_shares_a_bot_is_told_once_though_anothers_address_takes_no_mail(first: str):
    people = {name: person(name) for name in ("alice", "bob")}
    bot = bot_in(State.ALIVE, people.pop(first))
    Belongs.objects.create(source_agent=bot, target_agent=next(iter(people.values())))
    wishes.delete(person("carol"), bot)
    for _ in range(3):
        tell_of_leaving(timezone.now())
    assert reached() == ["alice@example.org"]
