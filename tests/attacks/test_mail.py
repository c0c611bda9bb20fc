"""Nobody can use us to send many mails to a victim, or their own words in our name."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from butt.accounts import owners
from butt.accounts.models import Account
from butt.accounts.postage import mailbox_of
from butt.agents.models import Agent
from butt.agents.states import State
from butt.limits.counts import count
from butt.limits.table import (
    PERSON_INVITATIONS,
    RECIPIENT_INVITATIONS,
    RECIPIENT_LETTERS,
    STRANGERS_LETTERS,
)
from tests.people import PASSWORD, account, bot_in

pytestmark = pytest.mark.django_db

VICTIM = "victim@example.net"
WORDS = "You won! Claim at evil.test"


def mallory(name: str = "mallory", words: str = WORDS) -> tuple[Account, Agent, Client]:
    made = account(name)
    EmailAddress.objects.filter(user=made).update(verified=True)
    Agent.objects.filter(id=made.agent.id).update(name=words)
    client = Client()
    client.force_login(made)
    return made, bot_in(State.ALIVE, made.agent, f"{name}s"), client


def asks(client: Client, bot: Agent, email: str = VICTIM) -> int:
    return client.post(f"/bots/{bot.name}/people", {"email": email}).status_code


def test_sixty_requests_to_mail_one_victim_send_three():
    for number in range(3):
        _, bot, client = mallory(f"mallory{number}")
        for turn in range(20):
            asks(client, bot, VICTIM if turn % 2 else f"victim+{turn}@Example.net")
            for invitation in owners.invited_to(bot):
                client.post(f"/bots/{bot.name}/people/{invitation.id}/withdraw")
    assert len(mail.outbox) == RECIPIENT_INVITATIONS.most
    assert {mailbox_of(letter.to[0]) for letter in mail.outbox} == {VICTIM}


def test_one_persons_invitations_are_limited_even_over_several_bots():
    made, bot, client = mallory()
    another = bot_in(State.ALIVE, made.agent, "another")
    answers = []
    for number in range(PERSON_INVITATIONS.most + 5):
        of = another if number % 2 else bot
        answers.append(asks(client, of, f"victim{number}@example.net"))
        for invitation in owners.invited_to(of):
            owners.withdraw(made.agent, of, invitation.id)
    assert answers == [302] * PERSON_INVITATIONS.most + [422] * 5
    assert len(mail.outbox) == PERSON_INVITATIONS.most
    assert "continue tomorrow" in client.post(f"/bots/{bot.name}/people", {"email": VICTIM}).content.decode()


def test_the_mail_contains_no_words_of_the_sender():
    _, bot, client = mallory()
    asks(client, bot)
    (letter,) = mail.outbox
    assert letter.subject.startswith("butt.nz: ")
    for word in re.findall(r"\w{4,}", WORDS):
        assert word not in letter.subject + letter.body
    assert "mallory@example.org shares" in letter.body, "an address that is theirs"


def test_an_unverified_person_cannot_send_mail():
    made, bot, client = mallory()
    EmailAddress.objects.filter(user=made).update(verified=False)
    assert asks(client, bot) == 422
    assert mail.outbox == []


@pytest.mark.parametrize("path", ["/password", "/letters of account"])
def test_mails_with_links_to_one_address_are_limited(path: str):
    victim = account("victim")
    EmailAddress.objects.filter(user=victim).update(verified=True)
    for number in range(RECIPIENT_LETTERS.most + 5):
        if path == "/password":
            Client(REMOTE_ADDR=f"192.0.2.{number}").post(path, {"email": victim.email})
        else:
            _types_it_as_their_own(number)
    assert 0 < len(mail.outbox) <= RECIPIENT_LETTERS.most


def _types_it_as_their_own(number: int) -> None:
    client = Client(REMOTE_ADDR=f"192.0.2.{number}")
    client.force_login(account(f"mallory{number}"))
    client.post("/account/again", {"password": PASSWORD})
    client.post("/account/email", {"email": "somebody@example.net", "action_add": "1"})


def test_all_such_mail_together_is_limited_and_other_mail_continues():
    for _ in range(STRANGERS_LETTERS.most):
        count((STRANGERS_LETTERS, "everybody"))
    made, bot, client = mallory()
    assert asks(client, bot) == 422
    Client().post("/password", {"email": made.email})
    assert mail.outbox == []
    client.post("/account/again", {"password": PASSWORD})
    new = {"oldpassword": PASSWORD, "password1": "another horse", "password2": "another horse"}
    assert client.post("/account/password", new).status_code == 302
    assert len(mail.outbox) == 1
