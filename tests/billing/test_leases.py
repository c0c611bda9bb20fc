"""Who is at work on a payer: alone, for as long as it takes, and not for long when they are killed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.billing.calls import PATIENCE
from butt.billing.gateway import StripeGateway
from butt.billing.interface import Busy
from butt.billing.leases import LEASE, leased
from butt.billing.models import Payer
from tests.billing.stripes import StandIn
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def payer() -> Payer:
    return Payer.objects.create(person=person("alice"))


def test_each_call_begins_with_time_enough_for_it(payer: Payer, gateway: StripeGateway):
    with leased(payer) as mine:
        until = mine.held_until
        customer = gateway.new_customer("alice@example.org", str(payer.person_id))
        until_then = Payer.objects.get().held_until
        gateway.look(customer, str(payer.person_id))
        assert until < until_then < Payer.objects.get().held_until
    assert timedelta(seconds=2 * PATIENCE) < LEASE
    assert Payer.objects.get().held_until is None


def test_whose_hold_is_over_says_nothing_more_to_stripe(
    payer: Payer, gateway: StripeGateway, stand_in: StandIn, clock: str
):
    with leased(payer):
        Payer.objects.update(held_until=timezone.now() + LEASE)
        with pytest.raises(Busy):
            gateway.new_customer("alice@example.org", str(payer.person_id))
    assert stand_in.customers_marked(str(payer.person_id), test_clock=clock) == []
    assert Payer.objects.get().held_until is not None, "what another holds is not let go of"


def test_who_holds_nobody_may_call_as_they_like(gateway: StripeGateway):
    assert gateway.customer_of("alice@example.org", "nobody") == ""
