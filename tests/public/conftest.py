import pytest
from django.test import Client

from butt.agents.models import Agent
from butt.agents.states import State
from tests.people import account, bot_in
from tests.postgres import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
def alice() -> Client:
    client = Client()
    client.force_login(account("alice"))
    return client


@pytest.fixture
def bot(alice: Client) -> Agent:
    return bot_in(State.ALIVE, Agent.objects.get(account__email="alice@example.org"))
