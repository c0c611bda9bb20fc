import uuid
from decimal import Decimal

import pytest

from butt.clouds import chosen_cloud, rentals
from butt.clouds.capacity import GB, MIB, Needs, best, cost, disk_for, memory_for
from butt.clouds.here import HereCloud
from butt.clouds.interface import Rates, ServerOffer
from butt.clouds.keeper import Keeper
from butt.configuration import Configuration


@pytest.mark.django_db
def test_on_this_machine_nothing_is_made_and_room_is_not_checked():
    cloud = chosen_cloud()
    rentals.rent(uuid.uuid4(), bots=1, names=["my"])
    assert Keeper(cloud, lambda *_: b"").round() is False
    assert cloud.inventory(cloud.zones).things == ()
    rentals.check_room(uuid.uuid4(), 1000)


def test_it_says_where_bots_run():
    def said(**settings: str) -> list[str]:
        return [right.what for right in HereCloud.from_configuration(Configuration(**settings)).rights()]

    assert said() == ["Bots run on this machine; no cloud is needed."]
    assert said(host="salt", salt="local") == said()
    assert said(host="salt", salt="master") == ["Bots run on machines that you add; no cloud is needed."]


def test_more_bots_need_more():
    needs = [(memory_for(bots, 400 * MIB), disk_for(bots, 10**10)) for bots in range(1, 30)]
    assert needs == sorted(needs)
    assert len(set(needs)) == len(needs)


def test_the_cheapest_big_enough_offer_is_chosen_and_the_first_zone_wins_ties():
    dear = Rates(gb=Decimal(1))
    offers = [
        ServerOffer("b", "small", 2, Decimal(1)),
        ServerOffer("a", "big", 8, Decimal(9)),
        ServerOffer("a", "fits", 4, Decimal(5)),
        ServerOffer("a", "small", 2, Decimal(1)),
        ServerOffer("a", "bargain", 4, Decimal(2), in_stock=False),
        ServerOffer("c", "cheap", 4, Decimal(4), rates=dear),
    ]
    some, more = Needs(3, 10 * GB), Needs(2, 10 * GB)
    assert best(offers, some, ("c", "a", "b")) == offers[2], (
        "the disk of the other costs more than its server saves"
    )
    assert best(offers, more, ("b", "a")) == offers[0]
    assert best(offers, more, ("a", "b")) == offers[3]
    assert best(offers, more, ("a", "b"), tried=["a/small"]) == offers[0]
    assert best(offers, more, ("a", "b"), tried=["a"]) == offers[0]
    assert best(offers, Needs(9, 0), ("a", "b", "c")) is None


def test_the_cost_of_a_machine_includes_everything():
    rates = Rates(root=Decimal(1), gb=Decimal("0.1"), snapshot_gb=Decimal("0.05"), address4=Decimal(3))
    offer = ServerOffer("a", "small", 2, Decimal(5), rates=rates)
    everything = cost(offer, Needs(1, 20 * GB, snapshots=2, ipv4=True))
    assert str(everything) == (
        "13.00 € (server 5.00, IPv4 address 3.00, root volume 1.00, volume 2.00, snapshots 2.00)"
    )
    assert cost(offer, Needs(1, 20 * GB, snapshots=0, ipv4=False)).total == 8
