"""What `butt doctor` learns from Stripe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from butt.billing.asked import EVENTS, asked
from butt.billing.catalogue import bot_of
from butt.configuration import Configuration
from tests.billing.stripes import StandIn

URL = "https://butt.example"


@pytest.fixture
def settings(tmp_path: Path) -> Configuration:
    return Configuration(
        billing="stripe",
        url=URL,
        home=tmp_path,
        price=987,
        tax="stripe",
        stripe_secret_key=SecretStr("sk_test_one"),
        stripe_publishable_key="pk_test_one",
        stripe_webhook_secret=SecretStr("whsec_one"),
    )


@pytest.fixture
def endpoint(stand_in: StandIn) -> Iterator[str]:
    there = stand_in.v1.webhook_endpoints.create(
        {"url": f"{URL}/stripe/webhook", "enabled_events": ["invoice.paid"]}
    )
    yield there.id
    stand_in.v1.webhook_endpoints.delete(there.id)


def mends(settings: Configuration, stand_in: StandIn) -> str:
    return " ".join(each.mend for each in asked(settings, stand_in.url))


def test_a_missing_webhook_endpoint_is_reported(settings: Configuration, stand_in: StandIn):
    assert "Add one in Stripe's dashboard" in mends(settings, stand_in)


def test_an_endpoint_that_lacks_events_is_reported(settings: Configuration, stand_in: StandIn, endpoint: str):
    assert "Add these to it: charge.dispute.created, " in mends(settings, stand_in)
    stand_in.v1.webhook_endpoints.update(endpoint, {"enabled_events": sorted(EVENTS)})
    assert mends(settings, stand_in).strip() == ""
    stand_in.v1.webhook_endpoints.update(endpoint, {"disabled": True})
    assert "Enable it" in mends(settings, stand_in)


def test_a_different_price_is_reported(settings: Configuration, stand_in: StandIn, endpoint: str):
    product = stand_in.v1.products.create({"name": "Something"}).id
    wanted = {"product": product, "unit_amount": 123, "currency": "usd", "lookup_key": bot_of(settings).name}
    there = stand_in.v1.prices.create({**wanted, "recurring": {"interval": "month"}})
    assert "Remove its lookup key" in mends(settings, stand_in)
    stand_in.v1.prices.update(there.id, {"active": False})
    assert "Remove its lookup key" not in mends(settings, stand_in)


def test_tax_that_is_not_set_up_is_reported(settings: Configuration, stand_in: StandIn, endpoint: str):
    stand_in.steer("settings", tax_missing=["head_office"])
    said = [each for each in asked(settings, stand_in.url) if "Tax" in each.what]
    stand_in.steer("settings", tax_missing=[])
    assert said[0].what == "Stripe Tax is not set up yet: head_office is missing."


def test_an_unreachable_stripe_is_reported(settings: Configuration):
    *_, last = asked(settings, "http://127.0.0.1:9")
    assert "try again" in last.mend
