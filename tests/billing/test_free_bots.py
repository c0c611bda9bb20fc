"""`BUTT_FREE_BOTS`: how many bots each person has for free."""

from pathlib import Path

import pytest
from django.utils import timezone

from butt.agents.actions import create_bot, delete
from butt.agents.models import Agent, Belongs
from butt.agents.states import State
from butt.billing.interface import PaymentDue
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.stripes import payer_of
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(tmp_path: Path) -> Subscriptions:
    """Two bots of each person are free. Nobody has a card, so the payment provider is never called."""
    return Subscriptions(settings=Configuration(billing="stripe", free_bots=2, home=tmp_path))


@pytest.fixture
def alice() -> Agent:
    return person("alice")


def asks_for_a_card(house: Subscriptions, somebody: Agent) -> bool:
    """Whether pages and API ask for a card before the next bot; both agree."""
    try:
        house.check_may_add(somebody)
    except PaymentDue as due:
        assert "A card is needed first" in due.message
        assert house.needs_card(somebody)
        return True
    assert not house.needs_card(somebody)
    return False


def test_only_the_third_bot_needs_a_card(house: Subscriptions, alice: Agent):
    for name in ("my", "your"):
        assert not asks_for_a_card(house, alice)
        create_bot(alice, name)
    assert asks_for_a_card(house, alice)


def test_deleting_a_bot_makes_room_for_another(house: Subscriptions, alice: Agent):
    bots = [create_bot(alice, name) for name in ("my", "your")]
    delete(alice, bots[0])
    assert not asks_for_a_card(house, alice)


@pytest.mark.parametrize(("alive", "paid_for"), [(1, 0), (2, 0), (3, 1)])
def test_bots_beyond_the_free_ones_are_paid_for(
    house: Subscriptions, alice: Agent, alive: int, paid_for: int
):
    for number in range(alive):
        bot_in(State.ALIVE, alice, f"bot{number}")
    house.round(timezone.now())
    assert payer_of(alice).quantity == paid_for
    bill = house.bill(alice)
    assert (bill.free, bill.quantity, bill.unit) == (2, paid_for, 500)


def test_free_bots_run_and_cost_nothing(house: Subscriptions, alice: Agent):
    bot = bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    assert house.notice(alice) is None
    bot.wanted.refresh_from_db()
    assert bot.wanted.paid


def test_a_bot_that_another_pays_for_is_not_counted(house: Subscriptions, alice: Agent):
    """Bob shares Alice's bot: it counts as hers alone, as on the bill."""
    bob = person("bob")
    for name in ("my", "your"):
        Belongs.objects.create(source_agent=bot_in(State.ALIVE, alice, name), target_agent=bob)
    assert asks_for_a_card(house, alice)
    assert not asks_for_a_card(house, bob)
