"""What `butt doctor --billing stripe` does at Stripe, done at the stand-in."""

import pytest
from pydantic import SecretStr

from butt.billing.life import life
from butt.configuration import Configuration
from tests.billing.stripes import StandIn


def test_a_whole_life_is_as_we_build_upon(settings_with: Configuration, stand_in: StandIn):
    said = list(life(settings_with))
    assert [each.mend for each in said] == [""] * 7, [each.what for each in said]
    assert "credited" in said[-1].what
    assert not [each for each in stand_in.all("customers") if each["email"] == "doctor@example.com"]


@pytest.mark.parametrize("rate", ["15%", "stripe"])
def test_with_tax_as_well(settings_with: Configuration, rate: str):
    assert [each.mend for each in life(settings_with.model_copy(update={"tax": rate}))][:3] == [""] * 3


def test_a_stripe_that_does_something_else_is_told(settings_with: Configuration, stand_in: StandIn):
    stand_in.steer("settings", finalize_after=5 * 3600)
    *_, last = life(settings_with)
    stand_in.steer("settings", finalize_after=3600)
    assert "after a month 1 invoices are paid" in last.what


def test_no_real_card_is_charged_for_it(settings_with: Configuration):
    live = settings_with.model_copy(update={"stripe_secret_key": SecretStr("sk_live_one")})
    (said,) = life(live)
    assert "a test key" in said.mend
