"""`butt doctor --billing stripe`, run against the stand-in."""

import pytest
from pydantic import SecretStr

from butt.billing.life import life
from butt.configuration import Configuration
from tests.billing.stripes import StandIn


def test_a_whole_life_is_as_expected(settings_with: Configuration, stand_in: StandIn):
    said = list(life(settings_with))
    assert [each.mend for each in said] == [""] * 7, [each.what for each in said]
    assert "credited" in said[-1].what
    assert not [each for each in stand_in.all("customers") if each["email"] == "doctor@example.com"]


@pytest.mark.parametrize("rate", ["15%", "stripe"])
def test_a_whole_life_with_tax_is_as_expected(settings_with: Configuration, rate: str):
    assert [each.mend for each in life(settings_with.model_copy(update={"tax": rate}))][:3] == [""] * 3


def test_a_stripe_that_behaves_differently_is_reported(settings_with: Configuration, stand_in: StandIn):
    stand_in.steer("settings", finalize_after=5 * 3600)
    *_, last = life(settings_with)
    stand_in.steer("settings", finalize_after=3600)
    assert "after a month 1 invoices are paid" in last.what


def test_a_live_key_is_refused(settings_with: Configuration):
    live = settings_with.model_copy(update={"stripe_secret_key": SecretStr("sk_live_one")})
    (said,) = life(live)
    assert "a test key" in said.mend
