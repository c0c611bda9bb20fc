"""Choosing a bot's network on a page, and what pages say about it."""

import base64
import json

import pytest
from django.test import Client

from butt.accounts.tokens import issue_token
from butt.agents.models import Agent, Wanted
from tests.public.test_invites import invite, words

pytestmark = pytest.mark.django_db
OWN = base64.b64encode(b"n" * 32).decode()


@pytest.mark.parametrize(
    ("form", "network"),
    [
        ({}, "main"),
        ({"network": "main", "network_key": OWN}, "main"),
        ({"network": "oasis"}, "oasis"),
        ({"network": "own", "network_key": f" {OWN} "}, OWN),
    ],
)
def test_a_new_bot_is_in_the_chosen_network(alice: Client, form: dict[str, str], network: str):
    assert alice.post("/bots/new", {"bot": "your", **form})["Location"] == "/bots/your"
    assert Wanted.objects.get(bot__name="your").network == network


def test_an_invalid_key_is_reported_and_the_form_keeps_its_values(alice: Client):
    for key in ("", "AAAA"):
        answer = alice.post("/bots/new", {"bot": "your", "network": "own", "network_key": key})
        assert answer.status_code == 422
        html = answer.content.decode()
        assert 'id="network-error"' in html
        assert '<option value="own" selected>' in html
        assert f'value="{key}" maxlength' in html
    assert not Agent.objects.filter(name="your").exists()


@pytest.mark.parametrize(
    ("network", "said", "not_said"),
    [
        ("main", "Manyverse (", "Its network"),
        ("oasis", "the Oasis app can connect, other apps cannot", "Manyverse"),
        (OWN, f"only apps that use the network key {OWN} can connect", "Manyverse"),
    ],
)
def test_an_invite_says_which_apps_can_connect(bot: Agent, network: str, said: str, not_said: str):
    Wanted.objects.filter(bot=bot).update(network=network)
    page = words(Client().post(f"/join/{invite(bot, 'bob').token}").content)
    assert said in page
    assert not_said not in page
    if network != "main":
        assert said in words(Client().get("/@my").content)


def test_the_api_and_the_bots_page_show_the_network(alice: Client, bot: Agent):
    Wanted.objects.filter(bot=bot).update(network="oasis")
    token = issue_token(bot.belongs_to.get().target_agent.account)
    api = Client(headers={"Authorization": f"Bearer {token}"})
    assert api.get(f"/agents/{bot.id}").json()["network"] == "oasis"
    assert "network copy oasis" in words(alice.get("/bots/my").content)
    body = json.dumps({"type": "bot", "name": "your", "network": "elsewhere"})
    refused = api.post("/agents", body, "application/json")
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "network")
