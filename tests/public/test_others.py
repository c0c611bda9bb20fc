"""What the pages show to whom, and what they cost."""

from typing import Any

import pytest
from django.test import Client

from butt.accounts.models import Account
from butt.agents.models import Wanted
from butt.agents.states import State
from tests.people import account, bot_in, many_bots
from tests.visitor import PASSWORD

pytestmark = pytest.mark.django_db

PAGES = ["/bots/my"] + [
    f"/bots/my/{p}"
    for p in (
        "status",
        "log",
        "invites",
        "invites/new",
        "upgrade",
        "export",
        "export/password",
        "network",
        "delete",
    )
]
CLICKS = [
    "/bots/my/stop",
    "/bots/my/restart",
    "/bots/my/upgrade",
    "/bots/my/rebuild",
    "/bots/my/network",
    "/bots/my/start",
    "/bots/my/restore",
    "/bots/my/delete",
]


def browser_of(who: Account) -> Client:
    client = Client()
    client.force_login(who)
    return client


def test_nobody_can_see_or_change_anothers_bot():
    alice, bob = account("alice"), account("bob")
    bot = bot_in(State.ALIVE, alice.agent)
    for path in PAGES:
        assert browser_of(alice).get(path).status_code == 200
        theirs, none = browser_of(bob).get(path), browser_of(bob).get(path.replace("my", "none"))
        assert theirs.status_code == none.status_code == 404
        assert bot.progress.ssb_id not in theirs.content.decode()
    for path in CLICKS:
        assert browser_of(bob).post(path, {"name": "my"}).status_code == 404
    assert "my.localhost" not in browser_of(bob).get("/bots").content.decode()
    wanted = Wanted.objects.get(bot=bot)
    assert (wanted.run, wanted.restarts, wanted.gone_at) == (True, 0, None)


def test_a_stranger_is_redirected_to_start_and_changes_nothing():
    bot = bot_in(State.ALIVE, account("alice").agent)
    for path in [*PAGES, "/bots", "/newbie", "/bots/new"]:
        assert Client().get(path)["Location"] == f"/start?next={path}"
    for path in CLICKS:
        assert Client().post(path, {"name": "my"}).status_code == 302
    assert Wanted.objects.get(bot=bot).run is True


def test_a_request_from_another_site_is_refused():
    alice = account("alice")
    bot = bot_in(State.ALIVE, alice.agent)
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/bots/my/stop").status_code == 403
    assert Wanted.objects.get(bot=bot).run is True


def test_start_redirects_to_no_other_site():
    account("alice")
    form = {"email": "alice@example.org", "password": PASSWORD, "next": "https://example.com/"}
    assert Client().post("/start", form)["Location"] == "/newbie"


@pytest.mark.parametrize("count", [1, 100])
def test_the_number_of_queries_does_not_grow_with_the_bots(count: int, django_assert_num_queries: Any):
    alice = account("alice")
    many_bots(alice.agent, count)
    client = browser_of(alice)
    with django_assert_num_queries(3):
        assert client.get("/bots").content.count(b"data-state=") == count
    with django_assert_num_queries(3):
        client.get("/bots/bot0")
