"""What a pub tells those who look after it, and nobody else."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from scuttlekit.pub.figures import UNCHANGED, is_at_rest
from tests.pub.pubs import Client, until


def figures(client, pub):
    return client.call(pub, "butt.figures", {"every": 1}, count=1)[0]


def test_the_first_comes_at_once_and_the_next_in_time(pub, client):
    (first,) = client.call(pub, "butt.figures", {"every": 3600}, count=1)
    assert first["id"] == pub.id
    one, _, three = (seen["uptime"] for seen in client.call(pub, "butt.figures", {"every": 1}, count=3))
    assert three - one > 1.5


def test_a_pub_that_does_nothing_tells_them_seldom(pub, client):
    def pause() -> float:
        asked = {"every": 1, "quiet": 2}
        first, second = (seen["uptime"] for seen in client.call(pub, "butt.figures", asked, count=2))
        return second - first

    # It has just started: until it has counted its disk, something changes.
    until(lambda: pause() > 1.8, 60)


def test_a_pub_that_does_nothing_says_only_so_until_figures_are_due(pub, client):
    def told() -> list[dict]:
        return client.call(pub, "butt.figures", {"every": 1, "quiet": 1, "full": 3}, count=5)

    first, *same, last, after = until(lambda: (seen := told())[1] == seen[2] == UNCHANGED and seen, 60)
    assert same == [UNCHANGED] * 2
    assert 2.8 < last["uptime"] - first["uptime"] < 3.9
    assert after == UNCHANGED or after["uptime"] > last["uptime"]


def test_whatever_changes_at_a_pub_is_no_rest(pub, client):
    before = until(lambda: (seen := figures(client, pub))["room"] and seen)
    for path in [
        *((name,) for name in before.keys() - {"uptime"}),
        *(("traffic", name) for name in before["traffic"]),
        ("room", "log"),
        ("peers", "in"),
    ]:
        changed = deepcopy(before)
        *folders, last = path
        place = changed
        for name in folders:
            place = place[name]
        place[last] = (
            place[last] + (1 << 20) if type(place[last]) is int else {"month": "", "in": 0, "out": 0}
        )
        assert not is_at_rest(before, changed), path


def test_that_time_passes_and_a_sample_is_sent_is_rest(pub, client):
    before = figures(client, pub)
    after = deepcopy(before)
    after["uptime"] += 60
    after["memory"] += 4096
    for counted in (after, after["traffic"]):
        for way in ("bytesIn", "bytesOut") if counted is after else ("in", "out"):
            counted[way] += 1500
    assert is_at_rest(before, after)


def test_a_new_message_of_the_pub_is_reported_at_once(pub, client, built_stock):
    """Who remembers how far its feed has come is not to be behind when its folder is lost."""
    listener = Client(built_stock)
    with ThreadPoolExecutor(1) as thread:
        told = thread.submit(listener.call, pub, "butt.figures", {"every": 3600}, keys=client.keys, count=3)
        says = {"type": "post", "text": "hello"}
        until(lambda: client.call(pub, "publish", says) and told.done())
    said = figures(client, pub)["sequence"]
    last, *_ = reversed(told.result())
    assert 0 < last["sequence"] <= said
    listener.close()


def test_their_shape(pub, client):
    client.call(pub, "publish", {"type": "post", "text": "hello"})
    seen = figures(client, pub)
    assert seen["launch"] == 1
    assert timedelta(0) < datetime.now(UTC) - datetime.fromisoformat(seen["startedAt"]) < timedelta(minutes=1)
    assert 0 < seen["uptime"] < 60
    assert 20e6 < seen["memory"] < 300e6
    assert (seen["sequence"], seen["messages"], seen["feeds"]) == (1, 1, 1)
    assert until(lambda: figures(client, pub)["disk"]) > 1000
    until(lambda: (index := figures(client, pub)["indexing"])["current"] == index["target"])


def test_the_launch_of_the_config_is_repeated(make_pub, client):
    pub = make_pub(launch=77).start()
    assert figures(client, pub)["launch"] == 77


def test_bytes_are_counted_both_ways(pub, client):
    before = figures(client, pub)
    client.call(pub, "publish", {"type": "post", "text": "x" * 5000})
    after = figures(client, pub)
    assert 5000 < after["bytesIn"] - before["bytesIn"] < 12000
    assert 5000 < after["bytesOut"] - before["bytesOut"] < 12000
    client.hang_up()
    assert figures(client, pub)["bytesIn"] > after["bytesIn"]


def test_peers_are_seen_in_both_directions(make_pub, client):
    here, there = make_pub("here").start(), make_pub("there").start()
    assert figures(client, here)["peers"] == {"in": 0, "out": 0}
    client.call(here, "gossip.connect", there.address)
    until(lambda: figures(client, here)["peers"] == {"in": 0, "out": 1})
    until(lambda: figures(client, there)["peers"] == {"in": 1, "out": 0})
    there.stop()
    until(lambda: figures(client, here)["peers"] == {"in": 0, "out": 0})


def test_a_stranger_learns_nothing(pub, client):
    stranger = client.generate()
    for name in ("butt.invites", "butt.revoke", "whoami"):
        with pytest.raises(RuntimeError, match="not in list of allowed methods"):
            client.call(pub, name, "x", keys=stranger)
    with pytest.raises(RuntimeError, match="not in list of allowed methods"):
        client.call(pub, "butt.figures", {}, keys=stranger, count=1)
