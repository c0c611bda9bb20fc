"""What people may ask of a bot's code, and what an upgrade would change."""

import pytest
from django.test import Client

from butt.agents.actions import Refused
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent, Progress, Wanted
from butt.agents.states import ASKED_IN, Action, State
from butt.sources import shelf
from butt.sources.actions import ACTIONS, rebuild, upgrade
from butt.sources.models import Release
from tests.people import account, bot_in, person

pytestmark = pytest.mark.django_db


def shelved(digest: str, runtime: str = "Node 24.1.0", **packages: str) -> Release:
    release = shelf.found(digest, packages, runtime)
    shelf.finish(release)
    return release


def on(release: Release, bot: Agent) -> Agent:
    Progress.objects.filter(bot=bot).update(release=release.key)
    return bot


def asked(bot: Agent) -> tuple[int, str]:
    wanted = Wanted.objects.get(bot=bot)
    return wanted.upgrades, wanted.release


def test_an_upgrade_leads_to_the_newest_release_and_shows_at_once():
    alice = person("alice")
    bot = on(shelved("aaaa"), bot_in(State.ALIVE, alice))
    shelved("bbbb")
    upgrade(alice, bot)
    assert asked(bot) == (1, "bbbb")
    assert effective_state(bot) is State.UPGRADING
    upgrade(alice, bot)
    assert asked(bot) == (1, "bbbb"), "a second click asks for nothing new"


def test_a_bot_on_the_newest_release_is_left_alone():
    alice = person("alice")
    bot = on(shelved("aaaa"), bot_in(State.ALIVE, alice))
    upgrade(alice, bot)
    assert asked(bot) == (0, "")
    assert effective_state(bot) is State.ALIVE
    shelf.finish(shelf.again(shelf.newest()))
    upgrade(alice, bot)
    assert asked(bot) == (0, ""), "another build of the same source is no upgrade"


def test_a_rebuild_builds_the_same_source_again_once_for_two_clicks():
    alice = person("alice")
    bot = on(shelved("aaaa"), bot_in(State.ALIVE, alice))
    shelved("bbbb")
    rebuild(alice, bot)
    rebuild(alice, bot)
    assert asked(bot) == (1, "aaaa-2")
    assert Release.objects.get(key="aaaa-2").state == "waiting"


def test_a_second_click_on_rebuild_while_it_comes_alive_builds_nothing_more():
    alice = person("alice")
    bot = on(shelved("aaaa"), bot_in(State.ALIVE, alice))
    rebuild(alice, bot)
    shelf.finish(Release.objects.get(key="aaaa-2"))
    taken = {"state": State.UPGRADING, "upgrades": 1, "release": "aaaa-2", "previous": "aaaa"}
    Progress.objects.filter(bot=bot).update(**taken)
    rebuild(alice, bot)
    assert asked(bot) == (1, "aaaa-2")


@pytest.mark.parametrize("action", list(ACTIONS))
@pytest.mark.parametrize("state", sorted(set(State) - {State.LEAVING}))
def test_each_action_on_code_is_allowed_in_its_states_only(state: State, action: Action):
    alice = person("alice")
    bot = on(shelved("aaaa"), bot_in(state, alice))
    if state in ASKED_IN[action]:
        ACTIONS[action](alice, bot)
    else:
        with pytest.raises(Refused, match=f"#{state}"):
            ACTIONS[action](alice, bot)


def test_the_page_says_what_would_change_before_the_click():
    alice = account("alice")
    bot = on(shelved("aaaa", ssb="1.0.0", old="2.0.0"), bot_in(State.ALIVE, alice.agent))
    browser = Client()
    browser.force_login(alice)
    assert "the newest release" in browser.get("/bots/my/upgrade").content.decode()
    shelved("bbbb", ssb="1.1.0", fresh="3.0.0")
    page = browser.get("/bots/my/upgrade").content.decode()
    for line in ("ssb 1.0.0 → 1.1.0", "old 2.0.0 → none", "fresh none → 3.0.0"):
        assert line in page
    assert asked(bot) == (0, "")
    assert browser.post("/bots/my/upgrade").status_code == 302
    assert asked(bot) == (1, "bbbb")


def test_the_page_says_when_the_runtime_would_change():
    alice = account("alice")
    on(shelved("aaaa", ssb="1.0.0", old="2.0.0", level="6.0.0"), bot_in(State.ALIVE, alice.agent))
    shelved("bbbb", "Python 3.11.7", pynacl="1.6.2")
    browser = Client()
    browser.force_login(alice)
    page = browser.get("/bots/my/upgrade").content.decode()
    assert "<li>Node 24.1.0 → Python 3.11.7</li>" in page
    assert "all of its packages: 3 before, 1 after" in page
    assert "ssb 1.0.0" not in page
    shelved("cccc", "Node 24.2.0", ssb="1.1.0", old="2.0.0", level="6.0.0")
    page = browser.get("/bots/my/upgrade").content.decode()
    assert "<li>Node 24.1.0 → Node 24.2.0</li>" in page
    assert "ssb 1.0.0 → 1.1.0" in page


def test_a_release_that_could_not_be_built_is_shown():
    alice = account("alice")
    on(shelved("aaaa"), bot_in(State.ALIVE, alice.agent))
    Release.objects.filter(key=shelf.found("bbbb", {}, "24").key).update(state="failed", reason="No room.")
    browser = Client()
    browser.force_login(alice)
    page = browser.get("/bots/my/upgrade").content.decode()
    assert "Release 2 is not ready: No room." in page
