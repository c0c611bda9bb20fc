"""What a machine hands out of a bot: its files, its log; and nothing that a bot's own links lead to."""

import io
import tarfile

import pytest

from tests.salt.bots import Bots
from tests.salt.machine import Engine
from tests.salt.test_container import inside


@pytest.fixture
def bot(bots: Bots) -> str:
    bot = bots.add()
    bots.converge()
    return bot


def sent(bots: Bots, bot: str, what: str) -> bytes | None:
    """What arrives at the private server, nothing when the machine refuses."""
    bots.teller.exports.clear()
    code, size = bots.minion.call("--local", "butt_exports.send", bot, what, what)
    if code:
        return None
    assert size == len(bots.teller.exports[what])
    return bots.teller.exports[what]


def test_each_file_and_all_of_them(bots: Bots, bot: str):
    secret = sent(bots, bot, "secret")
    assert secret
    assert bots.teller.last_report()["bots"][bot]["ssbId"].encode() in secret
    whole = sent(bots, bot, "all")
    assert whole
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert {"./secret", "./flume/log.offset"} <= set(tar.getnames())


def test_no_link_of_a_bot_is_followed(bots: Bots, bot: str, engine: Engine):
    inside(
        engine,
        bot,
        "cd /data && rm -rf gossip.json blobs secret && ln -s /etc/shadow gossip.json && ln -s / blobs",
    )
    inside(engine, bot, "cd /data && mkfifo secret")
    for what in ("gossip", "blobs", "secret"):
        assert sent(bots, bot, what) is None
    whole = sent(bots, bot, "all")
    assert whole
    assert b"root:" not in whole
    assert bots.run()[0] == [], "nor does a report wait for it"


def test_the_end_of_its_log(bots: Bots, bot: str):
    _, log = bots.minion.call("--local", "butt.log", bot, "5000")
    assert '"event":"listening"' in log.replace(" ", "")
    _, end = bots.minion.call("--local", "butt.log", bot, "40")
    assert len(end) <= 40
