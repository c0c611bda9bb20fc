"""Stripe's stand-in, with a test clock for each test, and people who have a card there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from stripe_standin import Server
from stripe_standin import StandIn as Stripe

from butt.billing.chosen import billing
from butt.billing.gateway import StripeGateway
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration, configuration
from tests.billing.stripes import StandIn


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """Every answer is checked against the shape of Stripe's own."""
    stripe = Stripe(checks=True)
    with Server(stripe) as server:
        yield StandIn(server.url)
    assert not stripe.wrong, "\n".join(sorted(set(stripe.wrong))[:20])


@pytest.fixture
def settings_with(stand_in: StandIn, tmp_path: Path) -> Iterator[Configuration]:
    yield Configuration(billing="stripe", private_port=stand_in.port - 1, home=tmp_path)
    stand_in.steer("calm")


@pytest.fixture
def clock(stand_in: StandIn) -> str:
    return stand_in.new_clock()


@pytest.fixture
def gateway(settings_with: Configuration, clock: str) -> StripeGateway:
    return StripeGateway(settings_with, clock=clock)


@pytest.fixture
def house(gateway: StripeGateway, settings_with: Configuration) -> Subscriptions:
    """The billing that pages and worker use, on the stand-in."""
    return Subscriptions(gateway, settings_with)


@pytest.fixture
def everywhere(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subscriptions]:
    """The whole service takes payments during a test."""
    monkeypatch.setenv("BUTT_BILLING", "stripe")
    monkeypatch.setenv("BUTT_PRIVATE_PORT", str(stand_in.port - 1))
    configuration.cache_clear(), billing.cache_clear()
    there = billing()
    assert isinstance(there, Subscriptions)
    yield there
    monkeypatch.undo()
    configuration.cache_clear(), billing.cache_clear()
