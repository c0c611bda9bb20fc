"""A double click, and a program that tries again: over the page and the API, with a real pub."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.models import Agent
from butt.agents.states import State
from butt.invites.models import Invite, InviteUse
from tests.people import account, bot_in, ssb_id


def browser() -> Client:
    client = Client()
    client.force_login(Account.objects.get(email="alice@example.org"))
    return client


def form(client: Client, **typed: str) -> dict[str, str]:
    html = client.get("/bots/my/invites/new").content.decode()
    key = re.search(r'name="key" value="([0-9a-f-]{36})"', html)
    assert key, html
    return {"key": key[1], "name": "Bob", "uses": "1", "expires": "", **typed}


def call(who: Account, bot: Agent, key: str, **body: Any) -> Any:
    api = Client(headers={"Authorization": f"Bearer {issue_token(who)}", "Idempotency-Key": key})
    return api.post(f"/agents/{bot.id}/invites", {"name": "Bob", **body}, content_type="application/json")


def test_a_double_click_makes_one_invite(bot: Agent):
    client = browser()
    filled = form(client)
    for _ in range(2):
        answer = client.post("/bots/my/invites/new", filled)
        assert (answer.status_code, answer["Location"]) == (302, "/bots/my/invites")
    assert Invite.objects.count() == 1


def test_going_back_and_filling_in_the_form_again_makes_another_invite(bot: Agent):
    client = browser()
    filled = form(client)
    client.post("/bots/my/invites/new", filled)
    client.post("/bots/my/invites/new", filled | {"name": "Carol"})
    client.post("/bots/my/invites/new", form(client))
    assert sorted(Invite.objects.values_list("name", flat=True)) == ["Bob", "Bob", "Carol"]


@pytest.mark.parametrize("key", ["", "x", "\x00"])
def test_a_form_without_a_key_still_makes_one(bot: Agent, key: str):
    client = browser()
    assert client.post("/bots/my/invites/new", form(client) | {"key": key}).status_code == 302
    assert Invite.objects.count() == 1


def test_a_form_with_the_key_of_anothers_invite_is_refused(bot: Agent):
    filled = form(browser())
    browser().post("/bots/my/invites/new", filled)
    eve, client = account("eve"), Client()
    bot_in(State.ALIVE, eve.agent, "eves")
    client.force_login(eve)
    answer = client.post("/bots/eves/invites/new", filled)
    assert answer.status_code == 422
    assert "Please send the request again with a new key." in answer.content.decode()
    assert filled["key"] not in answer.content.decode(), "sent again, it has a key of its own"


def test_a_program_that_tries_again_gets_the_same_invite(bot: Agent):
    alice, key = Account.objects.get(), str(uuid.uuid4())
    made, again = call(alice, bot, key), call(alice, bot, key)
    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json() == again.json()
    InviteUse.objects.create(
        invite=Invite.objects.get(), sequence=1, ssb_id=ssb_id(1), at=Invite.objects.get().created_at
    )
    assert [use["ssbId"] for use in call(alice, bot, key).json()["used"]] == [ssb_id(1)]
    assert call(alice, bot, str(uuid.uuid4())).json()["id"] != made.json()["id"]


def test_an_invalid_or_used_key_is_refused_by_name(bot: Agent):
    alice, eve, key = Account.objects.get(), account("eve"), str(uuid.uuid4())
    call(alice, bot, key)
    eves = bot_in(State.ALIVE, eve.agent, "eves")
    for answer in (call(alice, bot, "once"), call(eve, eves, key)):
        assert answer.status_code == 422
        assert answer.json()["error"]["field"] == "Idempotency-Key"
    assert call(eve, bot, key).status_code == 404
    assert Invite.objects.count() == 1
