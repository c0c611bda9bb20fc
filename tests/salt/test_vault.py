"""What a machine sends of its bots, in a real Docker Engine: a separate program sends it while there is a
vault.
"""

import json
from collections.abc import Iterator

import psutil
import pytest

from tests.salt.bots import Bots
from tests.salt.machine import Engine
from tests.salt.test_container import inside
from tests.service import wait_for


@pytest.fixture
def kept(bots: Bots) -> Iterator[Bots]:
    """The machine is told that there is a vault; at the end, that there is none."""
    bots.teller.has_vault = True
    try:
        yield bots
    finally:
        bots.teller.has_vault = False
        bots.converge()
        wait_for(lambda: not senders(bots))


def senders(bots: Bots) -> list[psutil.Process]:
    """The programs that send for this machine: other tests use theirs at the same time."""
    note = str(bots.minion.folder / "butt" / "vault.json")
    return [each for each in psutil.process_iter(["cmdline"]) if note in (each.info["cmdline"] or [])]


def test_a_bots_data_is_sent_whatever_is_killed(kept: Bots, engine: Engine):
    bot = kept.add()
    kept.converge()
    sent = kept.teller.kept
    wait_for(lambda: f"{bot}/secret" in sent)
    identity = kept.teller.last_report()["bots"][bot]["ssbId"]
    assert identity.encode() in sent[f"{bot}/secret"]
    (sender,) = senders(kept)
    assert kept.converge() == {}
    assert senders(kept) == [sender], "it goes on beside the runs, and is there once"
    sender.kill()
    psutil.wait_procs([sender], timeout=10)
    assert inside(engine, bot, """echo '["one"]' > /data/gossip.json && echo made""") == "made"
    kept.converge()
    wait_for(lambda: sent.get(f"{bot}/gossip", b"").strip() == json.dumps(["one"]).encode())
