"""What one machine does with its orders, in a real Docker Engine."""

import json

from tests.salt.base import PYTHON_BASE
from tests.salt.bots import Bots
from tests.salt.machine import Engine
from tests.service import wait_for


def test_a_bot_is_made_and_left_alone_while_nothing_changes(bots: Bots, engine: Engine):
    first, second = bots.add(), bots.add(run=False)
    assert set(bots.converge()) >= {f"run {first}"}
    before = engine.bots()
    assert set(before) == {first}
    assert bots.converge() == {}
    assert engine.bots() == before
    said = bots.teller.last_report()["bots"]
    assert said[first]["ssbId"].endswith(".ed25519")
    assert second not in said


def test_a_new_launch_is_a_new_process_of_the_same_identity(bots: Bots, engine: Engine):
    bot = bots.add()
    bots.converge()
    before, identity = engine.bots()[bot], bots.teller.last_report()["bots"][bot]["ssbId"]
    bots.wanted[bot]["launch"] = 2
    bots.converge()
    assert engine.bots()[bot] != before
    report = bots.teller.last_report()["bots"][bot]
    assert (report["launch"], report["ssbId"]) == (2, identity)
    assert list(engine.bots(alive=False)) == [bot]


def test_a_stopped_bot_keeps_everything_and_starts_again(bots: Bots, engine: Engine):
    bot = bots.add()
    bots.converge()
    identity = bots.teller.last_report()["bots"][bot]["ssbId"]
    bots.wanted[bot]["run"] = False
    assert set(bots.converge()) == {f"stop {bot}"}
    assert engine.bots() == {}
    assert bots.teller.last_report()["bots"][bot] | {"words": ""} == {
        **bots.teller.last_report()["bots"][bot],
        "running": False,
        "exitCode": 0,
        "words": "",
    }
    assert engine.volumes() == {bot}
    bots.wanted[bot] |= {"run": True, "launch": 2}
    bots.converge()
    assert bots.teller.last_report()["bots"][bot]["ssbId"] == identity


def test_only_a_tombstone_removes_a_bot_and_an_absent_one_is_reported(bots: Bots, engine: Engine):
    bot, other = bots.add(), bots.add()
    bots.converge()
    gone = bots.wanted.pop(bot)
    before = engine.bots()
    assert bots.converge() == {}
    assert engine.bots() == before
    assert bots.teller.last_report()["strangers"] == [f"butt-{bot}"]

    bots.wanted[bot] = gone
    bots.delete(bot)
    assert set(bots.converge()) == {f"remove {bot}"}
    assert set(engine.bots()) == {other}
    assert engine.volumes() == {other}
    assert bots.teller.last_report()["gone"] == [bot]
    assert bots.converge() == {}


def test_an_unknown_container_is_reported_and_left_alone(bots: Bots, engine: Engine):
    engine.docker("run", "-d", "--name", "neighbour", PYTHON_BASE, "sleep", "600")
    try:
        bots.add()
        bots.converge()
        assert bots.teller.last_report()["strangers"] == ["neighbour"]
        assert "neighbour" in engine.docker("ps", "--format", "{{.Names}}")
    finally:
        engine.docker("rm", "-f", "neighbour")


def test_a_run_removes_no_more_than_a_few(bots: Bots, engine: Engine):
    made = [bots.add(run=False) for _ in range(7)]
    for bot in made:
        engine.docker("volume", "create", f"butt-{bot}")
        bots.delete(bot)
    bots.tell()
    left = []
    for _ in range(3):
        bots.run()
        left.append(len(engine.volumes()))
    assert left == [2, 0, 0]
    assert bots.teller.last_report()["generation"] == bots.teller.pillars[bots.minion.id]["generation"]


def test_manual_changes_are_corrected(bots: Bots, engine: Engine):
    bot = bots.add()
    bots.converge()
    for change in (
        ("update", "--memory", "1g", "--memory-swap", "1g", f"butt-{bot}"),
        ("network", "connect", "bridge", f"butt-{bot}"),
        ("stop", f"butt-{bot}"),
        ("rm", "-f", f"butt-{bot}"),
    ):
        engine.docker(*change)
        assert set(bots.converge()) == {f"run {bot}"}, change
    assert bots.converge() == {}
    assert engine.inspect(bot)["HostConfig"]["Memory"] == 400 * 2**20


def test_a_dry_run_only_reports(bots: Bots, engine: Engine):
    bot = bots.add()
    bots.tell()
    _, changes = bots.run("test=True")
    assert changes[f"run {bot}"]["bot"]["new"]["status"] == "running"
    assert engine.bots() == {}


def test_no_bot_starts_beside_another_on_its_volume(bots: Bots, engine: Engine):
    bot = bots.add()
    bots.converge()
    image = engine.inspect(bot)["Config"]["Image"]
    engine.docker("rm", "-f", f"butt-{bot}")
    engine.docker(
        "run", "-d", "--name", "thief", "-v", f"butt-{bot}:/data", "--entrypoint", "sleep", image, "600"
    )
    try:
        found, _ = bots.run()
        assert "thief" in found[0]
        assert engine.bots() == {}
    finally:
        engine.docker("rm", "-f", "thief")
    bots.converge()


def test_a_taken_port_and_a_refusing_pub_are_reported_in_words(bots: Bots, engine: Engine):
    taken, lost = bots.add(), bots.add(sequence=5)
    engine.docker("run", "-d", "--name", "squatter", "-p", "8100:8100", PYTHON_BASE, "sleep", "600")
    try:
        bots.tell()
        found, _ = bots.run()
        assert found
    finally:
        engine.docker("rm", "-f", "squatter")
    said = bots.teller.last_report()["bots"]
    assert "already allocated" in said[taken]["error"]

    def ended() -> bool:
        bots.run()
        return bots.teller.last_report()["bots"][lost]["exitCode"] == 67

    wait_for(ended)
    words = bots.teller.last_report()["bots"][lost]["words"].strip().splitlines()
    assert "secret" in json.loads(words[-1])["message"]
    assert bots.teller.last_report()["bots"][taken]["running"]
