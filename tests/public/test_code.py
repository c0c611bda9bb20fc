"""What a bot's page says of the code that it waits for."""

import pytest
from django.test import Client

from butt.agents.models import Progress
from butt.agents.states import State
from butt.sources import shelf
from butt.sources.models import Release
from butt.sources.wishes import rebuild
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db


def test_what_a_build_says_is_on_the_page_of_the_bot_that_waits_for_it():
    alice = account("alice")
    bot = bot_in(State.ALIVE, alice.agent)
    shelf.finish(shelf.found("digest", {}, "24"))
    Progress.objects.filter(bot=bot).update(release="digest")
    bot.progress.refresh_from_db()
    client = Client()
    client.force_login(alice)

    def page() -> str:
        return client.get("/bots/my").content.decode()

    assert "what the build says" not in page()
    rebuild(alice.agent, bot)
    Release.objects.filter(key="digest-2").update(state="building", log="npm http fetch <ssb-db>")
    assert "npm http fetch &lt;ssb-db&gt;" in page()
    shelf.finish(Release.objects.get(key="digest-2"))
    assert "what the build says" not in page()
