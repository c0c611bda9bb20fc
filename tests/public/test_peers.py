"""The page of a bot in its network, and the calls behind it."""

import pytest
from django.test import Client
from django.utils import timezone

from butt.accounts.tokens import issue_token
from butt.agents.models import Agent, Observed, Wanted
from butt.peers.models import OtherPub
from scuttlekit import Address, InviteCode, KeyPair
from tests.public.test_invites import words

pytestmark = pytest.mark.django_db

OTHER = Address("pub.example.org", 8008, KeyPair.generate().id)
CODE = InviteCode(OTHER, b"s" * 32).code
PAGE = "/bots/my/network"


@pytest.fixture
def api(alice: Client, bot: Agent) -> Client:
    token = issue_token(bot.belongs_to.get().target_agent.account)
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_hops_can_be_chosen_if_the_bots_code_supports_them(alice: Client, bot: Agent):
    assert "Its code does not support hops" in words(alice.get(PAGE).content)
    Observed.objects.filter(bot=bot).update(hops=2)
    assert '<option value="2" selected>' in alice.get(PAGE).content.decode()
    assert alice.post(PAGE, {"wish": "hops", "hops": "3"})["Location"] == PAGE
    assert Wanted.objects.get(bot=bot).hops == 3
    for wrong in ("", "4", "-1", "two", "٣"):
        answer = alice.post(PAGE, {"wish": "hops", "hops": wrong})
        assert answer.status_code == 422
        assert 'id="hops-error"' in answer.content.decode()
    assert Wanted.objects.get(bot=bot).hops == 3


def test_announcing_can_be_switched_on_and_off(alice: Client, bot: Agent):
    alice.post(PAGE, {"wish": "announce", "announce": "yes"})
    assert Wanted.objects.get(bot=bot).announced
    assert "in its feed: soon" in words(alice.get(PAGE).content)
    alice.post(PAGE, {"wish": "announce", "announce": "no"})
    assert not Wanted.objects.get(bot=bot).announced


def test_another_pubs_invite_is_accepted_and_never_shown(alice: Client, bot: Agent, api: Client):
    assert alice.post(PAGE, {"wish": "join", "join": CODE})["Location"] == PAGE
    html = alice.get(PAGE).content.decode()
    assert "pub.example.org:8008" in html
    assert CODE.partition("~")[2] not in html
    (told,) = api.get(f"/agents/{bot.id}/peers").json()["peers"]
    assert (told["address"], told["joinedAt"], told["reason"]) == (OTHER.multiserver, None, None)
    assert OtherPub.objects.get().code == CODE


def test_the_result_of_joining_is_shown(alice: Client, bot: Agent):
    for number, outcome in enumerate(({"done_at": timezone.now()}, {"trouble": "<b>it has expired</b>"})):
        OtherPub.objects.create(
            bot=bot, address=Address(f"n{number}.example.org", 8008, OTHER.key).multiserver, **outcome
        )
    html = alice.get(PAGE).content.decode()
    assert "since " in html
    assert "&lt;b&gt;it has expired" in html


def test_an_invalid_form_says_so_and_keeps_its_values(alice: Client, bot: Agent):
    for wish in ("follow", "join"):
        answer = alice.post(PAGE, {"wish": wish, wish: "nonsense"})
        assert answer.status_code == 422
        assert f'id="{wish}-error"' in answer.content.decode()
        assert 'value="nonsense"' in answer.content.decode()
    assert alice.post(PAGE, {"wish": "fly"}).status_code == 422


def test_the_api_changes_one_thing_without_another(bot: Agent, api: Client):
    Observed.objects.filter(bot=bot).update(hops=2)
    path = f"/agents/{bot.id}"
    answer = api.patch(path, {"announced": True}, "application/json").json()
    assert (answer["announced"], answer["hops"], answer["description"]) == (True, 2, "")
    answer = api.patch(path, {"hops": 1, "description": "Hello"}, "application/json").json()
    assert (answer["announced"], answer["hops"], answer["description"]) == (True, 1, "Hello")
    refused = api.patch(path, {"description": "Bye", "hops": 4}, "application/json")
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "hops")
    assert api.get(path).json()["description"] == "Hello", "all of it or nothing"


@pytest.mark.parametrize("body", [{}, {"invite": CODE, "address": OTHER.multiserver}, {"invite": "x"}])
def test_the_api_accepts_one_invite_or_address(bot: Agent, api: Client, body: dict[str, str]):
    answer = api.post(f"/agents/{bot.id}/peers", body, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_invite")
