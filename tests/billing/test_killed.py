"""The worker and the pages are killed at every step of a payment: in the end there is one customer and one subscription."""

import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db.models.signals import post_save, pre_save
from django.utils import timezone

from butt.agents.models import Agent
from butt.agents.states import State
from butt.billing.gateway import StripeGateway
from butt.billing.models import Payer
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.killer import Killed, Killer
from tests.billing.stripes import GOOD, StandIn, payer_of, quantity_of
from tests.people import bot_in, person


def pays_and_has_a_bot(house: Subscriptions, stand_in: StandIn, alice: Agent) -> None:
    stand_in.enters(GOOD, alice, house)
    bot_in(State.ALIVE, alice, "my")
    house.round(timezone.now())
    bot_in(State.ALIVE, alice, "your")
    house.round(timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("moment", range(30))
def test_one_customer_and_one_subscription_in_the_end(
    moment: int, stand_in: StandIn, settings_with: Configuration, clock: str
):
    alice, killer = person(f"alice-{uuid.uuid4().hex[:12]}"), Killer(moment)
    fragile = Subscriptions(StripeGateway(settings_with, killer, clock), settings_with)
    pre_save.connect(killer, Payer)
    post_save.connect(killer, Payer)
    try:
        with suppress(Killed):
            pays_and_has_a_bot(fragile, stand_in, alice)
    finally:
        pre_save.disconnect(killer, Payer)
        post_save.disconnect(killer, Payer)
    assert next(killer.count) > moment, "nobody was killed: it took fewer steps"

    # A killed process does not release its lease, which expires.
    Payer.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    house = Subscriptions(StripeGateway(settings_with, clock=clock), settings_with)
    if not Payer.objects.filter(person=alice, pays=True).exists():
        stand_in.enters(GOOD, alice, house)
    for name in ("my", "your"):
        if not Agent.objects.filter(name=name).exists():
            bot_in(State.ALIVE, alice, name)
    house.round(timezone.now() + timedelta(hours=1))

    assert len(stand_in.customers_of(alice, test_clock=clock)) == 1
    (subscription,) = stand_in.subscriptions_of(alice)
    assert (subscription["status"], quantity_of(subscription)) == ("active", 2)
    payer = payer_of(alice)
    assert (payer.subscription, payer.paid_quantity, payer.due_since) == (subscription["id"], 2, None)
