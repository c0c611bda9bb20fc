"""Rooms that cost a different amount: a second item of the same subscription."""

import uuid
from itertools import pairwise
from pathlib import Path

import pytest
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.billing import takeover
from butt.billing.gateway import StripeGateway
from butt.billing.interface import Price
from butt.billing.models import PayerWanted
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.stripes import GOOD, StandIn, payer_of
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

COSTS = {"pub": 500, "room": 200}


def house_with(stand_in: StandIn, clock: str, home: Path, **settings: int) -> Subscriptions:
    chosen = Configuration(billing="stripe", private_port=stand_in.port - 1, home=home, **settings)
    return Subscriptions(StripeGateway(chosen, clock=clock), chosen)


@pytest.fixture
def house(stand_in: StandIn, clock: str, tmp_path: Path) -> Subscriptions:
    return house_with(stand_in, clock, tmp_path, room_price=200)


@pytest.fixture
def alice(house: Subscriptions, stand_in: StandIn) -> Agent:
    """A person with a card."""
    alice = person(f"alice-{uuid.uuid4().hex[:12]}")
    stand_in.enters(GOOD, alice, house)
    return alice


def bot_of(service: str, owner: Agent) -> Agent:
    bot = bot_in(State.ALIVE, owner, f"b{uuid.uuid4().hex[:8]}")
    Agent.objects.filter(id=bot.id).update(service=service)
    return Agent.objects.get(id=bot.id)


def items(stand_in: StandIn, owner: Agent) -> dict[int, int]:
    """How many bots are charged at each price."""
    there = stand_in.subscriptions_of(owner)
    assert len(there) <= 1
    return {
        item["price"]["unit_amount"]: item["quantity"] for each in there for item in each["items"]["data"]
    }


def has(bots: str, owner: Agent) -> None:
    """Make the person's bots exactly these: `p` is a pub, `r` a room."""
    Wanted.objects.filter(bot__belongs_to__target_agent=owner).update(gone_at=timezone.now())
    for sign in bots:
        bot_of("pub" if sign == "p" else "room", owner)


def test_each_kind_is_charged_at_its_own_price(house: Subscriptions, stand_in: StandIn, alice: Agent):
    """The bots change from each of these sets to the next and back; the earlier ones are deleted at the same time."""
    kinds = ["p", "pr", "r", "rr", "ppr", "", "r", "pp", "rrp", "p"]
    paid = 0
    for before, bots in pairwise(["", *kinds]):
        has(bots, alice)
        house.round(timezone.now())
        expected = {500: bots.count("p"), 200: bots.count("r")}
        assert items(stand_in, alice) == {price: n for price, n in expected.items() if n}, (before, bots)
        payer = payer_of(alice)
        assert (payer.paid_quantity, payer.paid_rooms) == (len(bots), bots.count("r"))
        if bots:
            upcoming = house.upcoming(alice)
            assert upcoming
            month = sum(price * number for price, number in expected.items())
            paid = paid if before else month
            # The next month, and what changed since this one was paid for: it all happens in its first
            # moment.
            assert sum(amount for *_, amount in upcoming.lines) == month + (month - paid)
            bill = house.bill(alice)
            assert (bill.others, bill.rooms, bill.room_unit) == (bots.count("p"), bots.count("r"), 200)


def test_a_month_is_charged_for_pubs_and_rooms(house: Subscriptions, stand_in: StandIn, alice: Agent):
    has("pr", alice)
    house.round(timezone.now())
    stand_in.month_passes(alice, house)
    house.round(timezone.now())
    assert {invoice.amount for invoice in house.invoices(alice)} == {700}
    assert house.notice(alice) is None


def test_the_oldest_bots_are_free_and_others_cost_their_own_price(
    stand_in: StandIn, clock: str, tmp_path: Path
):
    house = house_with(stand_in, clock, tmp_path, room_price=200, free_bots=1)
    alice = person(f"alice-{uuid.uuid4().hex[:12]}")
    assert [house.price(alice, service).amount for service in COSTS] == [0, 0]
    stand_in.enters(GOOD, alice, house)
    for number, bots in enumerate(("r", "rp", "rpr")):
        bot_of("pub" if bots[-1] == "p" else "room", alice)
        house.round(timezone.now())
        paid = bots[1:]
        payer = payer_of(alice)
        assert (payer.quantity, payer.rooms) == (number, paid.count("r"))
        assert {service: house.price(alice, service).amount for service in COSTS} == COSTS


def test_rooms_cost_the_same_as_pubs_by_default(stand_in: StandIn, clock: str, tmp_path: Path):
    house = house_with(stand_in, clock, tmp_path)
    alice = person(f"alice-{uuid.uuid4().hex[:12]}")
    stand_in.enters(GOOD, alice, house)
    has("pr", alice)
    house.round(timezone.now())
    assert items(stand_in, alice) == {500: 2}
    assert house.price(alice, "room") == Price(500, "usd")
    # Later the operator sets a price for rooms, and removes it again.
    apart = house_with(stand_in, clock, tmp_path, room_price=200)
    apart.round(timezone.now())
    assert items(stand_in, alice) == {500: 1, 200: 1}
    house.round(timezone.now())
    assert items(stand_in, alice) == {500: 2}


def test_taking_over_a_room_means_agreeing_to_its_price(house: Subscriptions, alice: Agent):
    room = bot_of("room", alice)
    room.belongs_to.update(pays=False)
    PayerWanted.objects.create(bot=room, since=timezone.now())
    with pytest.raises(Refused) as refused:
        takeover.agree(house, alice, room, Price(500, "usd"))
    assert refused.value.code == "price_changed"
    takeover.agree(house, alice, room, Price(200, "usd"))


def test_a_price_that_cannot_be_charged_is_refused():
    with pytest.raises(ValueError, match="give 0, or at least 50"):
        Configuration(room_price=49)
