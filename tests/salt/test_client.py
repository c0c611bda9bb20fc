"""Salt's client is loaded once for all calls, and starts again when it was killed."""

import psutil
import pytest

from butt.hosts.interface import HostTrouble
from butt.hosts.salt import client
from tests.salt.machine import Minion
from tests.salt.master import Master
from tests.service import wait_for


def loaded(master: Master) -> psutil.Process:
    """The process of the client that has loaded Salt."""
    ours = [each for each in psutil.Process().children() if str(master.config) in each.cmdline()]
    (process,) = [each for each in ours if each.pid != master.daemon.process.pid]
    return process


def test_all_calls_use_one_process_until_it_is_killed(master: Master, joined: Minion):
    assert master.call(joined.id, "test.ping").value is True
    first = loaded(master)
    assert master.call(joined.id, "test.echo", "again").value == "again"
    assert loaded(master) == first
    first.kill()
    psutil.wait_procs([first])
    assert master.call(joined.id, "test.ping").value is True
    assert loaded(master) != first


def test_a_call_that_takes_too_long_is_ended(master: Master, joined: Minion, monkeypatch: pytest.MonkeyPatch):
    assert master.call(joined.id, "test.ping").value is True
    monkeypatch.setattr(client, "STARTING", 0)
    asked = {"tgt": joined.id, "fun": "test.sleep", "arg": [20], "timeout": 30}
    with pytest.raises(HostTrouble, match="did not answer in time"):
        master.client.ask(2, asked)
    wait_for(lambda: loaded(master).children() == [])
