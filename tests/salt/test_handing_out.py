"""What a machine sends of a bot: its files and its log; and nothing that a bot's own links lead to."""

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
    """What arrives at the private server; nothing if the machine refuses."""
    bots.teller.exports.clear()
    code, size = bots.minion.call("--local", "butt_exports.send", bot, what, what)
    if code:
        return None
    assert size == len(bots.teller.exports[what])
    return bots.teller.exports[what]


def names(tar: bytes | None) -> list[str]:
    assert tar
    with tarfile.open(fileobj=io.BytesIO(tar)) as files:
        return files.getnames()


def test_each_part_and_all_parts_are_sent(bots: Bots, bot: str):
    secret = sent(bots, bot, "secret")
    assert secret
    assert bots.teller.last_report()["bots"][bot]["ssbId"].encode() in secret
    assert names(secret) == ["secret"]
    assert names(sent(bots, bot, "log")) == ["flume/log.offset"]
    assert names(sent(bots, bot, "all"))[0] == "secret"
    _, stock = bots.minion.call("--local", "butt_exports.stock", bot)
    assert stock["secret"] > 100
    assert (stock["blobs"], stock["blobs_size"]) == (0, 0)


def test_no_link_of_a_bot_is_followed(bots: Bots, bot: str, engine: Engine):
    inside(engine, bot, "kill -STOP -1")  # Otherwise it makes its folders again while they are removed.
    made = inside(
        engine,
        bot,
        "cd /data && rm -rf gossip.json blobs flume secret && ln -s /etc/shadow gossip.json && ln -s / blobs"
        " && ln -s /etc flume && mkfifo secret && echo made",
    )
    assert made == "made"
    for what in ("gossip", "blobs", "secret", "log", "all"):
        assert sent(bots, bot, what) is None
    assert bots.run()[0] == [], "nor does a report wait for it"
    inside(engine, bot, "kill -CONT -1")


def test_the_end_of_the_log_is_sent_across_a_restart(bots: Bots, bot: str):
    _, log = bots.minion.call("--local", "butt.log", bot, "5000")
    assert '"event":"listening"' in log.replace(" ", "")
    _, end = bots.minion.call("--local", "butt.log", bot, "40")
    assert len(end) <= 40
    bots.wanted[bot]["launch"] = 2
    bots.converge()
    _, log = bots.minion.call("--local", "butt.log", bot, "100000")
    assert log.count('"listening"') == 2
    assert "stopped" in log
