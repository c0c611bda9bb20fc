"""`butt up --host salt` on a machine of one's own: no master, no minion."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exports.living import save_export
from tests.salt.base import SETTINGS as BASES
from tests.salt.machine import SALT, Engine
from tests.service import Service, wait_for

PATIENT = 240.0


class Alone(Service):
    """`butt up` inside the machine's own namespace; only its pages are reached from outside."""

    def __init__(self, home: Path, release: Path, engine: Engine) -> None:
        super().__init__(home, release, keep_days=0, billing="free")
        self.engine = engine
        self.url = f"http://{engine.place.address}:{self.port}"
        self.environment |= {
            "BUTT_URL": self.url,
            "BUTT_BIND": engine.place.address,
            **BASES,
            "BUTT_SALT_PROGRAMS": str(SALT),
            "DOCKER_HOST": f"unix://{engine.socket}",
        }

    def command(self) -> list[str]:
        return self.engine.place.command(*super().command(), "--host", "salt")


@pytest.fixture
def site(engine: Engine, tmp_path: Path, built_pub: Path) -> Iterator[Alone]:
    with Alone(tmp_path / "home", built_pub, engine) as site:
        yield site
    engine.clear()


def test_a_bot_lives_in_a_container_is_adopted_and_removed(site: Alone, engine: Engine, tmp_path: Path):
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alive = alice.waits_for("alive", bot, PATIENT)
    before = engine.bots()
    assert list(before) == [bot["id"]]

    save_export(alice, bot, "all", tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        assert {"secret", "flume/log.offset"} <= set(tar.getnames())

    site.kill()
    site.up()
    assert engine.bots() == before, "it lives on while the service is away"
    alice.asks("restart", bot)
    wait_for(lambda: engine.bots().get(bot["id"], "") not in ("", before[bot["id"]]), PATIENT)
    assert alice.waits_for("alive", bot, PATIENT)["ssbId"] == alive["ssbId"]

    site.down()
    assert site.process.returncode == 0
    assert engine.bots() == {}, "Ctrl-C stops the bots too"
    assert engine.volumes() == {bot["id"]}
    site.up()
    assert alice.waits_for("alive", bot, PATIENT)["ssbId"] == alive["ssbId"]
    wait_for(engine.bots, PATIENT)

    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: site.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404, PATIENT)
    assert engine.bots(alive=False) == {}
    assert engine.volumes() == set()
