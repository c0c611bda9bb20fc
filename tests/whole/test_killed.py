"""`kill -9` of every part: the bots live on, and nothing is doubled or lost."""

import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.service import Person, Service, wait_for


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home"), built_pub, keep_days=0) as service:
        yield service


@pytest.fixture
def own_site(one_site: Service) -> Service:
    """A running service without bots. The test may kill any of its parts."""
    if one_site.process.poll() is not None:
        one_site.up()
    return one_site


@pytest.fixture
def alice(own_site: Service) -> Iterator[Person]:
    """Somebody new in each test. Her bots are gone after it."""
    alice = own_site.person(f"alice-{uuid.uuid4().hex[:8]}@example.org")
    yield alice
    bots = [agent for agent in alice.call("GET", "/agents")["agents"] if agent["type"] == "bot"]
    for bot in bots:
        alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    for bot in bots:
        wait_for(lambda bot=bot: own_site.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404)


def test_bots_outlive_the_whole_service_and_are_adopted_by_the_next(own_site: Service, alice: Person):
    bot = alice.names_a_bot("my")
    before = alice.waits_for("alive", bot)
    (pub,) = own_site.pubs()

    own_site.kill()
    assert pub.is_running()
    own_site.up()

    after = alice.waits_for("alive", bot)
    assert own_site.pubs() == [pub], "the same process, and only that"
    assert after["ssbId"] == before["ssbId"]
    alice.asks("restart", bot)
    wait_for(lambda: not pub.is_running())
    alice.waits_for("alive", bot)
    assert len(own_site.pubs()) == 1


def test_a_killed_part_is_started_again_and_work_goes_on(own_site: Service, alice: Person):
    bot = alice.names_a_bot("my")
    for role in ("steward", "monitor"):
        own_site.part(role).kill()
    alice.waits_for("alive", bot)
    own_site.part("steward").kill()
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    assert own_site.pubs() == []


def test_a_killed_supervisor_is_replaced_and_no_bot_runs_twice(own_site: Service, alice: Person):
    bot = alice.names_a_bot("my")
    before = alice.waits_for("alive", bot)
    (pub,) = own_site.pubs()
    pub.parent().kill()
    alice.asks("restart", bot)
    wait_for(lambda: not pub.is_running())
    assert alice.waits_for("alive", bot)["ssbId"] == before["ssbId"]
    assert len(own_site.pubs()) == 1


def test_ctrl_c_stops_the_bots_and_the_next_up_starts_them(own_site: Service, alice: Person):
    bot = alice.names_a_bot("my")
    before = alice.waits_for("alive", bot)
    own_site.down()
    assert own_site.process.returncode == 0
    assert own_site.pubs() == []
    own_site.up()
    wait_for(own_site.pubs)
    assert alice.waits_for("alive", bot)["ssbId"] == before["ssbId"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_during_the_start_leaves_nothing(own_site: Service, number: int):
    for seconds in (0.0, 0.02, 0.1):
        own_site.down()
        own_site.process = subprocess.Popen(own_site.command(), env=own_site.environment)
        up = psutil.Process(own_site.process.pid)
        parts = wait_for(up.children)
        time.sleep(seconds)
        up.send_signal(number)
        assert own_site.process.wait(20) == 0
        assert not psutil.wait_procs(parts, 0)[1]
        named = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        assert not [name for name in named if f"--home {own_site.home}" in name]


def test_a_second_up_in_the_same_home_is_refused(own_site: Service):
    first = own_site.process
    own_site.up()
    second, own_site.process = own_site.process, first
    assert second.wait(timeout=60) == 1
    assert "is already running" in (own_site.home / "up.log").read_text()
    assert first.poll() is None


def test_a_deleted_bot_is_truly_gone_when_its_days_are_over(own_site: Service, alice: Person):
    """The service of this test deletes bots at once."""
    bot = alice.names_a_bot("my")
    alice.waits_for("alive", bot)
    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: own_site.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404)
    assert own_site.pubs() == []
    assert list((own_site.home / "bots").iterdir()) == []
    assert alice.names_a_bot("my")["id"] != bot["id"], "the name is free again"


def test_sighup_ends_the_service_in_order_too(own_site: Service):
    own_site.process.send_signal(signal.SIGHUP)
    assert own_site.process.wait(timeout=60) == 0
