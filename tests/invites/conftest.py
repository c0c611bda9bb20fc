"""A bot of Alice's whose pub is a real one that answers the service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.identity import service_keys
from tests.people import bot_in, person
from tests.pub.pubs import Pub


@pytest.fixture
def real_pub(built_pub: Path, tmp_path: Path) -> Iterator[Pub]:
    pub = Pub(built_pub, tmp_path / "pub", master=[service_keys().id], caps={}).start()
    yield pub
    pub.kill()


@pytest.fixture
def alice(db: None) -> Agent:
    return person("alice")


@pytest.fixture
def bot(alice: Agent, real_pub: Pub) -> Agent:
    return at(real_pub, bot_in(State.ALIVE, alice))


def at(pub: Pub, bot: Agent) -> Agent:
    Progress.objects.filter(bot=bot).update(ssb_id=pub.id, port=pub.config["port"])
    return Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id)
