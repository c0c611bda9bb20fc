"""A call whose answer got lost may have had its effect: what it changed is never taken for a change in the
dashboard.
"""

import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from butt.accounts.models import Account
from butt.agents.actions import delete
from butt.agents.models import Agent
from butt.agents.states import State
from butt.billing.gateway import StripeGateway
from butt.billing.models import Payer
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.killer import Killed, Killer
from tests.billing.stripes import GOOD, StandIn, payer_of, quantity_of
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(house: Subscriptions, stand_in: StandIn) -> Agent:
    """Alice pays for one bot."""
    alice = person(f"alice-{uuid.uuid4().hex[:12]}")
    stand_in.enters(GOOD, alice, house)
    bot_in(State.ALIVE, alice, "first")
    house.round(timezone.now())
    return alice


def loses(stand_in: StandIn, path: str) -> None:
    """Drop the next answer, and the answer to the SDK's own second attempt."""
    stand_in.steer("faults", rules=[{"method": "POST", "path": path, "do": "drop_after", "times": 2}])


def test_a_bot_that_existed_for_a_moment_is_not_paid_for(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    second = bot_in(State.ALIVE, alice, "second")
    loses(stand_in, "/v1/subscriptions/")
    house.round(timezone.now())
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [2]
    delete(alice, second)
    house.round(timezone.now() + timedelta(hours=1))
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [1]
    house.round(timezone.now() + timedelta(days=8))
    assert payer_of(alice).told == 1


def test_an_address_that_was_changed_for_a_moment_is_changed_back(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    before, customer = Account.objects.get(agent=alice).email, payer_of(alice).customer
    loses(stand_in, "/v1/customers/")
    for hours, email in enumerate(("new@example.org", before), 1):
        Account.objects.filter(agent=alice).update(email=email)
        house.round(timezone.now() + timedelta(hours=hours))
    assert stand_in.v1.customers.retrieve(customer).email == before


def test_undoing_a_cancellation_while_it_is_sent_works(
    stand_in: StandIn, settings_with: Configuration, clock: str, house: Subscriptions, alice: Agent
):
    def changes_her_mind() -> None:
        Payer.objects.filter(person=alice, cancels=True).update(
            cancels=False, wishes=True, look_at=timezone.now()
        )

    Subscriptions(StripeGateway(settings_with, changes_her_mind, clock), settings_with).cancel(alice)
    house.round(timezone.now() + timedelta(hours=1))
    assert not stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]
    assert not payer_of(alice).cancels


@pytest.mark.parametrize("moment", range(6))
def test_unused_days_are_credited_once_whenever_the_worker_is_killed(
    moment: int,
    stand_in: StandIn,
    settings_with: Configuration,
    clock: str,
    house: Subscriptions,
    alice: Agent,
):
    second = bot_in(State.ALIVE, alice, "second")
    house.round(timezone.now())
    (there,) = stand_in.subscriptions_of(alice)
    delete(alice, second)
    house.round(timezone.now())
    stand_in.v1.subscriptions.cancel(there["id"], {"prorate": True})
    stand_in.tell(house)
    killer = Killer(moment)
    with suppress(Killed):
        Subscriptions(StripeGateway(settings_with, killer, clock), settings_with).round(timezone.now())
    assert next(killer.count) > moment, "nobody was killed: it took fewer steps"
    Payer.objects.update(held_until=None)
    house.round(timezone.now() + timedelta(hours=1))
    customer = payer_of(alice).customer
    assert stand_in.all("invoice_items", customer=customer, pending=True) == []
    assert stand_in.v1.customers.retrieve(customer).balance == -500
