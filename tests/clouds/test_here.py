import uuid

import pytest

from butt.clouds import chosen_cloud, rentals
from butt.clouds.capacity import MIB, best, disk_for, memory_for
from butt.clouds.interface import Offer
from butt.clouds.keeper import Keeper


@pytest.mark.django_db
def test_here_there_is_nothing_to_make_and_room_is_not_ours_to_judge():
    cloud = chosen_cloud()
    rentals.rent(uuid.uuid4(), bots=1, names=["my"])
    assert Keeper(cloud, lambda *_: b"").round() is False
    assert cloud.account(cloud.zones).things == ()
    rentals.check_room(uuid.uuid4(), 1000)


def test_more_bots_need_more():
    needs = [(memory_for(bots, 400 * MIB), disk_for(bots, 10**10)) for bots in range(1, 30)]
    assert needs == sorted(needs)
    assert len(set(needs)) == len(needs)


def test_the_cheapest_that_is_big_enough_in_the_zone_most_wanted():
    offers = [
        Offer("b", "small", 2, 1),
        Offer("a", "big", 8, 9),
        Offer("a", "fits", 4, 5),
        Offer("a", "small", 2, 1),
        Offer("a", "bargain", 4, 2, in_stock=False),
    ]
    assert best(offers, 3, ("a", "b")) == offers[2]
    assert best(offers, 2, ("b", "a")) == offers[0]
    assert best(offers, 9, ("a", "b")) is None
