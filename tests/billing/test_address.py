"""The addresses on invoices."""

import uuid

import pytest
from django.utils import timezone

from butt.agents.models import Agent
from butt.agents.states import State
from butt.billing.address import BadAddress, InvoiceAddress, checked
from butt.billing.gateway import StripeGateway
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.stripes import GOOD, StandIn, payer_of
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db
WIEN = InvoiceAddress("Krake OG", "Gasse 1", "", "1010", "Wien", "", "AT", "ATU12345678")


@pytest.fixture
def alice(house: Subscriptions, stand_in: StandIn) -> Agent:
    alice = person(f"alice-{uuid.uuid4().hex[:12]}")
    stand_in.enters(GOOD, alice, house)
    return alice


def test_the_address_and_tax_number_are_on_the_next_invoice(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    house.tell_address(alice, WIEN)
    assert house.address(alice) == WIEN
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    (invoice,) = stand_in.all("invoices", customer=payer_of(alice).customer)
    assert invoice["customer_name"] == "Krake OG"
    assert invoice["customer_address"]["country"] == "AT"
    assert invoice["customer_tax_ids"] == [{"type": "eu_vat", "value": "ATU12345678"}]


def test_a_tax_number_can_be_replaced_and_removed(house: Subscriptions, alice: Agent):
    house.tell_address(alice, WIEN)
    for number, kept in (("de 123 456 789", "DE123456789"), ("", "")):
        house.tell_address(alice, InvoiceAddress("Krake", "Weg 2", "", "10115", "Berlin", "", "DE", number))
        assert house.address(alice).tax_number == kept


def test_a_person_without_a_card_can_have_an_address(house: Subscriptions):
    bob = person(f"bob-{uuid.uuid4().hex[:12]}")
    assert house.address(bob) == InvoiceAddress()
    house.tell_address(bob, WIEN)
    assert house.address(bob) == WIEN


def test_an_invalid_tax_number_is_refused_and_changes_nothing(house: Subscriptions, alice: Agent):
    house.tell_address(alice, WIEN)
    with pytest.raises(BadAddress, match="not a valid tax number") as bad:
        house.tell_address(alice, InvoiceAddress("Krake", country="AT", tax_number="AT!"))
    assert bad.value.field == "tax_number"
    assert house.address(alice) == WIEN


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (InvoiceAddress("A"), "country"),
        (InvoiceAddress("A", country="EU"), "country"),
        (InvoiceAddress("A", country="at"), "country"),
        (InvoiceAddress("A" * 121, country="AT"), "name"),
        (InvoiceAddress("A", country="AQ", tax_number="1"), "tax_number"),
    ],
)
def test_invalid_addresses_are_refused(given: InvoiceAddress, field: str):
    with pytest.raises(BadAddress) as bad:
        checked(given)
    assert bad.value.field == field


@pytest.mark.parametrize(
    ("country", "number", "kept"),
    [
        ("AT", "u12345678", "ATU12345678"),
        ("GR", "123456789", "EL123456789"),
        ("NZ", "49-091-850", "49-091-850"),
    ],
)
def test_a_number_of_the_union_begins_with_its_country(country: str, number: str, kept: str):
    assert checked(InvoiceAddress("A", country=country, tax_number=number)).tax_number == kept


def test_the_address_of_a_card_does_not_replace_one_that_was_entered(
    settings_with: Configuration, stand_in: StandIn, clock: str
):
    settings = settings_with.model_copy(update={"tax": "stripe"})
    house = Subscriptions(StripeGateway(settings, clock=clock), settings)
    carol = person(f"carol-{uuid.uuid4().hex[:12]}")
    house.tell_address(carol, WIEN)
    stand_in.enters(GOOD, carol, house)
    assert house.address(carol) == WIEN
