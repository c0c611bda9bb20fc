"""What bots are for: pubs and rooms, from the person who makes one to its pub's configuration."""

import json
import re

import pytest
from django.test import Client
from django.utils import timezone

from butt.accounts.tokens import issue_token
from butt.agents import actions
from butt.agents.actions import Refused
from butt.agents.limits import set_limits
from butt.agents.models import Agent, Observed, Progress, Wanted
from butt.agents.states import Action, State
from butt.agents.view import View
from butt.figures.models import Reading
from butt.peers import joining
from butt.services.interface import ALL_ACTIONS, Figure, Service, ServicePart
from butt.services.known import services
from scuttlekit import KeyPair
from tests.people import person
from tests.public.test_invites import invite, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def room(bot: Agent) -> Agent:
    """Alice's bot `my`, as if it had been made a room."""
    Agent.objects.filter(id=bot.id).update(service="room")
    Wanted.objects.filter(bot=bot).update(hops=0)
    bot.refresh_from_db()
    return bot


def test_the_actions_of_services_exist():
    assert frozenset(Action) == ALL_ACTIONS


def test_an_invalid_service_is_refused():
    for wrong in ({"releases": "mine"}, {"configuration": {"port": 1}}, {"actions": frozenset({"dance"})}):
        with pytest.raises(ValueError, match=r"A service|no action"):
            Service(what="", figures=(), parts=frozenset(), **wrong)  # type: ignore[arg-type]


def test_a_room_keeps_nobodys_messages_from_its_first_start():
    bot = actions.create_bot(person("alice"), "my", service="room")
    assert (bot.service, Wanted.objects.get(bot=bot).hops) == ("room", 0)
    assert Wanted.objects.get(bot=actions.create_bot(person("bob"), "his")).hops == 2


def test_a_bot_needs_an_existing_service(alice: Client):
    with pytest.raises(Refused) as refused:
        actions.create_bot(person("carol"), "my", service="disco")
    assert (refused.value.code, refused.value.field) == ("bad_service", "service")
    answer = alice.post("/bots/new", {"bot": "your", "service": "disco"})
    assert answer.status_code == 422
    assert 'id="service-error"' in answer.content.decode()
    assert not Agent.objects.filter(name__in=["my", "your"], service="disco").exists()


def test_a_new_bots_service_can_be_chosen(alice: Client):
    form = alice.get("/bots/new").content.decode()
    assert all(f'value="{name}"' in form and service.what in form for name, service in services().items())
    assert alice.post("/bots/new", {"bot": "your", "service": "room"})["Location"] == "/bots/your"
    assert Agent.objects.get(name="your").service == "room"


def test_a_room_has_no_settings_for_keeping_messages(alice: Client, room: Agent):
    Observed.objects.filter(bot=room).update(hops=0, attendants=3, tunnels=1)
    owner, room = room.belongs_to.get().target_agent, Agent.objects.get(id=room.id)
    asked = (
        lambda: actions.set_hops(owner, room, 2),
        lambda: set_limits(owner, room, {"disk": None}),
        lambda: joining.ask(owner, room, "example.org:8008:@x.ed25519"),
    )
    for ask in asked:
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.code == "bad_service"
    page = alice.get("/bots/my/network").content.decode()
    assert "It is a room" in page
    assert 'name="room"' in page
    assert not [field for field in ("hops", "join") if f'id="{field}"' in page]
    assert Wanted.objects.get(bot=room).hops == 0


def test_the_api_shows_the_service_and_refuses_what_it_lacks(room: Agent):
    token = issue_token(room.belongs_to.get().target_agent.account)
    api = Client(headers={"Authorization": f"Bearer {token}"})
    path = f"/agents/{room.id}"
    assert api.get(path).json()["service"] == "room"
    refused = api.patch(path, json.dumps({"hops": 2}), "application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_service")


def test_a_room_shows_attendants_and_a_pub_its_messages(alice: Client, bot: Agent):
    Observed.objects.filter(bot=bot).update(alive=True, attendants=3, tunnels=1, aliases=12, hops=0)
    Reading.objects.create(
        bot=bot,
        started_at=timezone.now(),
        bytes_in=0,
        bytes_out=0,
        messages=5,
        feeds=2,
        indexed=5,
        to_index=5,
    )
    assert "messages: 5" in words(alice.get("/bots/my/status").content)
    Agent.objects.filter(id=bot.id).update(service="room")
    told = words(alice.get("/bots/my/status").content)
    assert "in its room now: 3" in told
    assert "tunnels now: 1" in told
    assert "aliases: 12" in told
    assert "messages:" not in told
    assert "disk" not in words(alice.get("/bots/my/limits").content), "it has a limit of its traffic alone"
    assert alice.post("/bots/my/limits", {"traffic": "2"})["Location"] == "/bots/my/limits"
    assert Wanted.objects.get(bot=bot).limits == {"traffic": 2 * 2**30}


def test_who_is_invited_reads_what_the_bot_does(bot: Agent):
    Progress.objects.filter(bot=bot).update(ssb_id=KeyPair.generate().id, port=8100)
    pages = (f"/join/{invite(bot, 'friends').token}", "/@my")
    for name, service in services().items():
        Agent.objects.filter(id=bot.id).update(service=name)
        for page in pages:
            told = words(Client().get(page).content)
            assert service.what in told
            assert re.findall(r"[Aa] (?:Secure Scuttlebutt )?(\w+)(?:: a friend| that)", told) == [name]


def test_a_bot_whose_service_was_uninstalled_runs_on_and_can_be_stopped(alice: Client, bot: Agent):
    Agent.objects.filter(id=bot.id).update(service="disco")
    for page in ("", "/status", "/network", "/upgrade"):
        assert alice.get(f"/bots/my{page}").status_code == 200
    gone = Agent.objects.get(id=bot.id)
    assert State.ALIVE in View(gone).state
    actions.stop(gone.belongs_to.get().target_agent, gone)
    assert Wanted.objects.get(bot=bot).run is False


def test_an_action_that_a_service_lacks_is_neither_offered_nor_allowed(
    bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    still = Service(
        what="", figures=(Figure.PEERS,), parts=frozenset(ServicePart), actions=ALL_ACTIONS - {"rebuild"}
    )
    monkeypatch.setitem(services(), "still", still)  # type: ignore[arg-type]
    Agent.objects.filter(id=bot.id).update(service="still")
    bot = Agent.objects.get(id=bot.id)
    assert Action.REBUILD not in View(bot).offered
    assert Action.RESTART in View(bot).offered
    with pytest.raises(Refused) as refused:
        actions.ask("", bot, Action.REBUILD, lambda _: {})
    assert refused.value.code == "bad_service"
