"""How often Stripe is called: it allows about 500 reads for each payment."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from stripe_standin import Server
from stripe_standin import StandIn as Stripe

from butt.agents.states import State
from butt.billing.subscriptions import Subscriptions
from tests.billing.stripes import GOOD, StandIn
from tests.people import bot_in, person


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A stand-in of its own, because events of other tests would be read here too."""
    with Server(Stripe()) as server:
        yield StandIn(server.url)


@pytest.mark.django_db
def test_a_month_without_news_takes_less_than_twenty_reads(house: Subscriptions, stand_in: StandIn):
    alice = person("alice")
    stand_in.enters(GOOD, alice, house)
    bot_in(State.ALIVE, alice)
    now = timezone.now()
    for days in (0, 0, 3):
        house.round(now + timedelta(days=days))
        stand_in.tell(house)
    stand_in.steer("calm")
    for hours in range(0, 30 * 24, 3):
        house.round(now + timedelta(days=3, hours=hours))
    calls = stand_in.steer("calls")
    assert 0 < sum(calls.values()) <= 20, calls
