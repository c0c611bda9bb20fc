"""The service `greeter`, with its own source, as an operator installs it."""

from collections.abc import Iterator

import pytest

from butt.agents import actions
from butt.agents.models import Progress, Wanted
from butt.agents.states import State
from butt.services.known import services
from butt.sources import shelf
from butt.sources.actions import newer
from butt.sources.builder import Builder
from butt.sources.models import Release
from butt.sources.waves import behind
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def greeter(installed: None) -> Iterator[None]:
    services.cache_clear()
    yield
    services.cache_clear()


def test_its_bots_run_its_own_code_and_pubs_run_theirs():
    Builder().look()
    found = {release.source: release for release in Release.objects.all()}
    assert set(found) == {"pub", "greeter"}
    for release in found.values():
        shelf.finish(release)  # Other tests cover how a source is built; this one is about which bots get it.
    alice = person("alice")
    for service, source in (("greeter", "greeter"), ("pub", "pub"), ("room", "pub")):
        bot = actions.create_bot(alice, f"my-{service}", service=service)
        code = newer(bot, Wanted.objects.get(bot=bot))
        assert code == found[source]
        Progress.objects.filter(bot=bot).update(release="0" * 32, state=State.ALIVE)
        assert [each for each in found if bot in behind(found[each])] == [source]
