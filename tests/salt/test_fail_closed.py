"""A real master and a private server with errors: no bot is stopped or removed, and everything recovers by
itself.
"""

from collections.abc import Iterator

import pytest

from butt.hosts.salt.results import troubles
from tests.salt.bots import Bots
from tests.salt.machine import Engine, Minion
from tests.salt.master import Master
from tests.salt.teller import Teller, body, changed, slow, well

BAD = {
    "slow": slow,
    "500": body(b'{"butt": {}}', 500),
    "garbage": body(b"\xff<html>"),
    "empty": body(b""),
    "an empty object": body(b"{}"),
    "another minion's": changed(agent="another"),
    "not complete": changed(complete=False),
}
"""The ways to be wrong that differ in Salt; `test_http_json` has them all."""


@pytest.fixture
def bots(joined: Minion, teller: Teller, engine: Engine) -> Iterator[Bots]:
    bots = Bots(joined, teller, engine)
    yield bots
    teller.answer = well
    engine.clear()


def test_nothing_is_stopped_or_removed_whatever_the_private_server_says(
    bots: Bots, master: Master, teller: Teller, engine: Engine
):
    bot, doomed = bots.add(), bots.add()
    bots.tell()
    wanted = {bot: True, doomed: True}
    assert troubles(master.apply("joined"), teller.pillars["joined"]["generation"], wanted) == []
    before = engine.bots()
    assert set(before) == {bot, doomed}

    # With a readable pillar it would all be different: one is to be stopped, the other to be removed.
    bots.wanted[bot]["run"] = False
    bots.delete(doomed)
    bots.tell()
    generation = bots.teller.pillars["joined"]["generation"]
    said = len(bots.teller.reports)
    for what, answer in BAD.items():
        bots.teller.answer = answer
        returned = master.apply("joined")
        assert troubles(returned, generation, {bot: False}), what
        assert returned.retcode != 0, what
        assert engine.bots() == before, what
    with bots.teller.down():
        assert troubles(master.apply("joined"), generation, {bot: False}), "the private server is down"
    assert engine.bots() == before
    assert len(bots.teller.reports) == said

    bots.teller.answer = well
    assert troubles(master.apply("joined"), generation, {bot: False}) == []
    assert engine.bots() == {}
    assert engine.volumes() == {bot}
