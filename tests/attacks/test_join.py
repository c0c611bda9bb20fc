"""Two hundred guests of a meeting share one address, where somebody also guesses invites: all guests get
in.
"""

from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone

from butt.agents.states import State
from butt.invites.models import Invite
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.public.pages import open_to_all
from scuttlekit import KeyPair
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db

GUESTS = 200


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(open_to_all, "_looks", Rate(ADDRESS_JOINS, clock))
    monkeypatch.setattr(open_to_all, "_misses", Rate(ADDRESS_MISSES, clock))
    return clock


@pytest.fixture
def path(clock: Clock) -> str:
    bot, keys, now = bot_in(State.ALIVE, account("alice").agent), KeyPair.generate(), timezone.now()
    kept = {"offered_at": now, "created_at": now, "seed": keys.secret[:32], "code_id": keys.id}
    return f"/join/{Invite.objects.create(bot=bot, name='the meeting', uses=GUESTS, **kept).token}"


def guess(number: int = 0) -> int:
    return Client().get(f"/join/guess-{number}").status_code


def test_all_guests_get_the_code_while_somebody_guesses(path: str):
    assert [guess(number) for number in range(40)].count(429) == 40 - ADDRESS_MISSES.most
    for number in range(GUESTS):
        guest = Client()
        assert guest.get(path).status_code == 200
        assert b"ed25519~" in guest.post(path).content
        assert guess(number) == 429


def test_a_minute_later_the_address_may_look_again(clock: Clock, path: str):
    for second in range(60):
        clock.now = float(second)
        guess(second)
    assert guess() == 429
    clock.now = 60.0
    assert guess() == 404


def test_all_ways_to_look_at_invites_count_together(path: str, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    """The limit is lowered for the test, because each look takes a moment."""
    few = replace(ADDRESS_JOINS, default=40)
    monkeypatch.setattr(open_to_all, "_looks", Rate(few, clock))
    answers = [getattr(Client(), "post" if n % 2 else "get")(path).status_code for n in range(few.most + 1)]
    assert answers == [200] * few.most + [429]
