"""Where a machine may be made when the account's quota for something is used up."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from butt.clouds import rentals
from butt.clouds.interface import CloudEffect, OverQuota
from butt.clouds.keeper import Keeper
from butt.clouds.models import Stock
from butt.clouds.moves import decide
from butt.clouds.setbacks import after_trouble
from butt.clouds.situation import MachineSituation
from tests.clouds.account import Account, turn_until
from tests.clouds.test_moves import situation, well

pytestmark = pytest.mark.django_db

ALICE = uuid.UUID("a11ce000-0000-4000-8000-000000000000")
NO_MORE = OverQuota("The account's quota for servers is used up.", "")


def refused(at: MachineSituation, effect: CloudEffect) -> dict[str, object]:
    """Record that the provider refused something because of the quota."""
    move = replace(decide(at), effect=effect, changes={})
    return after_trouble(at, move, NO_MORE, at.now).changes


def test_a_quota_in_one_zone_leads_to_the_next_zone():
    changes = refused(situation(held=False, state="making"), CloudEffect.MAKE_ADDRESS4)
    assert (changes["zone"], changes["tried"]) == ("", ["paris"])


def test_without_another_zone_it_waits_and_tries_all_again():
    at = situation(held=False, state="making", zone="amsterdam", tried=["paris"])
    after = after_trouble(at, replace(decide(at), effect=CloudEffect.MAKE_SERVER), NO_MORE, at.now)
    assert ("zone" in after.changes, after.changes["tried"]) == (False, [])
    assert (after.reason, after.wait) == (str(NO_MORE), timedelta(minutes=5))


def test_a_machine_with_data_stays_in_its_zone_and_may_change_its_type():
    changes = refused(situation(), CloudEffect.MAKE_SERVER)
    assert ("zone" in changes, changes["type"]) == (False, "big")


@pytest.mark.parametrize("effect", [CloudEffect.TAKE_SNAPSHOT, CloudEffect.GROW_VOLUME])
def test_a_running_machine_is_not_changed_because_a_snapshot_fails(effect: CloudEffect):
    assert refused(well(), effect).keys() <= {"tries", "unsure_until"}


def test_an_account_with_a_quota_in_one_zone_gets_its_machine_in_another(account: Account, keeper: Keeper):
    rule = {"method": "POST", "path": "/zones/fr-par-1/servers", "times": 99, "do": "over_quota"}
    account.steer("faults", rules=[rule])
    rentals.rent(ALICE, bots=1, names=["my"])
    assert turn_until("ready", keeper, ALICE).zone == "nl-ams-1"
    assert Stock.objects.filter(zone="fr-par-1", in_stock=False).exists(), "the next one need not try there"
    assert {thing["zone"] for kind in ("server", "volume", "ip") for thing in account.has()[kind]} == {
        "nl-ams-1"
    }
