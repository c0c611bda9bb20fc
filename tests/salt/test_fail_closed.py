"""A real master and a private server that is not well: no bot is stopped or removed, and all heals by itself."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from butt.hosts.salt.results import troubles
from butt.machines.keys import new_pair
from tests.salt.bots import Bots
from tests.salt.land import run
from tests.salt.machine import SALT, Engine, Minion
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


@pytest.fixture(scope="module")
def master(teller: Teller, offered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    token = tmp_path_factory.mktemp("master") / "token"
    token.write_text("token")
    with Master(teller.url, token, offered) as master:
        yield master


@pytest.fixture(scope="module")
def joined(master: Master, engine: Engine, teller: Teller) -> Iterator[Minion]:
    teller.tells("joined", {})
    minion = master.knows("joined", engine, teller.url, schedule={})
    minion.start()
    master.waits_for(minion)
    yield minion
    minion.end()


@pytest.fixture
def bots(joined: Minion, teller: Teller, engine: Engine) -> Iterator[Bots]:
    bots = Bots(joined, teller, engine)
    yield bots
    teller.answer = well
    engine.clear()


def test_nothing_is_stopped_or_removed_whatever_the_private_server_says(
    bots: Bots, master: Master, engine: Engine
):
    bot, doomed = bots.add(), bots.add()
    bots.tell()
    wanted = {bot: True, doomed: True}
    assert troubles(master.apply("joined"), 1, wanted) == []
    before = engine.bots()
    assert set(before) == {bot, doomed}

    # It would all be different if the pillar could be read: one is to be stopped, the other to be removed.
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


_ASKS = """
import sys, salt.config, salt.channel.client
config, name, asked = sys.argv[1:]
opts = dict(salt.config.minion_config(config), id=name)
opts["master_uri"] = f"tcp://{opts['master']}:{opts['master_port']}"
load = {"cmd": "_pillar", "id": asked, "grains": {}, "saltenv": "base", "pillarenv": None, "pillar_override": {},
        "extra_minion_data": {}, "ver": "2"}
with salt.channel.client.ReqChannel.factory(opts, crypt="aes") as channel:
    print(channel.crypted_transfer_decode_dictentry(load, dictkey="pillar", timeout=10, tries=1))
"""


def test_a_minion_reads_no_pillar_but_its_own(bots: Bots, master: Master, teller: Teller):
    """A hostile one, with its own key: it asks for another's pillar under its own name, and under the other's."""
    teller.tells("victim", {str(uuid.uuid4()): {"address": "victims.butt.nz"}})
    (master.keys / "minions" / "victim").write_text(new_pair()[1])
    bots.add(address="own.butt.nz")
    bots.tell()

    def asks(names: tuple[str, str]) -> str:
        config = str(bots.minion.folder / "etc" / "minion")
        command = bots.minion.place.command(
            "timeout", "20", str(SALT / "python"), "-c", _ASKS, config, *names
        )
        return run(*command, check=False, timeout=60)

    with ThreadPoolExecutor(3) as pool:
        own, asked, posed = pool.map(asks, [("joined", "joined"), ("joined", "victim"), ("victim", "victim")])
    assert "own.butt.nz" in own
    assert "victims" not in asked
    assert "victims" not in posed
