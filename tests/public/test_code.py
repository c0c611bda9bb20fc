"""What a bot's page says about its code: that it waits for new code, or might try it."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.sources import shelf
from butt.sources.actions import rebuild
from butt.sources.models import Release
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db


def test_the_output_of_a_build_is_on_the_page_of_the_bot_that_waits_for_it():
    alice = account("alice")
    bot = bot_in(State.ALIVE, alice.agent)
    shelf.finish(shelf.found("digest", {}, "24"))
    Progress.objects.filter(bot=bot).update(release="digest")
    bot.progress.refresh_from_db()
    client = Client()
    client.force_login(alice)

    def page() -> str:
        return client.get("/bots/my").content.decode()

    assert "build log" not in page()
    rebuild(alice.agent, bot)
    Release.objects.filter(key="digest-2").update(state="building", log="npm http fetch <ssb-db>")
    assert "npm http fetch &lt;ssb-db&gt;" in page()
    shelf.finish(Release.objects.get(key="digest-2"))
    assert "build log" not in page()


def test_a_broken_bot_says_when_it_is_tried_again_and_what_else_can_be_done(alice: Client, bot: Agent):
    shelf.finish(shelf.found("crashes", {}, "24"))
    Progress.objects.filter(bot=bot).update(release="crashes")
    assert "We will try again" not in alice.get("/bots/my").content.decode()
    Progress.objects.filter(bot=bot).update(
        state=State.BROKEN, reason="It ended.", deadline=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    )
    page = alice.get("/bots/my").content.decode()
    assert '<time datetime="2026-05-04T03:02:01+00:00">03:02:01 UTC</time>' in page
    assert 'href="/bots/my/log"' in page
    assert "newer code" not in page
    shelf.finish(shelf.found("mended", {}, "24"))
    assert "There is newer code" in alice.get("/bots/my").content.decode()
