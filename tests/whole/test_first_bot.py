"""From nothing to a living pub and back, over the API of a real `butt up`."""

import json
from pathlib import Path

from tests.service import Service, wait_for


def test_a_bot_comes_alive_is_restarted_stopped_deleted_and_restored(site: Service):
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alive = alice.waits_for("alive", bot)
    assert alive["status"]["alive"] is True
    assert alive["status"]["memory"] > 10_000_000
    assert alive["address"].startswith("net:127.0.0.1:")
    assert alive["ssbId"].endswith(".ed25519")
    (pub,) = site.pubs()

    alice.asks("restart", bot)
    wait_for(lambda: not pub.is_running())
    again = alice.waits_for("alive", bot)
    assert again["ssbId"] == alive["ssbId"]
    assert again["address"] == alive["address"]
    assert len(site.pubs()) == 1

    alice.asks("stop", bot)
    stopped = alice.waits_for("stopped", bot)
    assert stopped["status"]["alive"] is False
    assert site.pubs() == []

    alice.asks("start", bot)
    alice.waits_for("alive", bot)

    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    alice.waits_for("leaving", bot)
    assert site.pubs() == []
    alice.asks("restore", bot)
    assert alice.waits_for("alive", bot)["ssbId"] == alive["ssbId"]


def test_a_pub_that_is_killed_comes_back_by_itself(site: Service):
    bob = site.person("bob@example.org")
    bot = bob.names_a_bot("bobs")
    before = bob.waits_for("alive", bot)
    (pub,) = site.pubs(bot)
    pub.kill()
    wait_for(lambda: [other for other in site.pubs(bot) if other.pid != pub.pid])
    after = bob.waits_for("alive", bot)
    assert after["ssbId"] == before["ssbId"]
    assert len(site.pubs(bot)) == 1


def test_what_a_pub_logs_is_json_and_names_no_secret(site: Service):
    carol = site.person("carol@example.org")
    bot = carol.names_a_bot("carols")
    carol.waits_for("alive", bot)
    folder = site.home / "bots" / bot["id"]
    secret = _private_key(folder / "data" / "secret")
    log = (folder / "log" / "pub.log").read_text()
    assert [json.loads(line)["message"] for line in log.splitlines()]
    assert secret not in log
    assert secret not in (site.home / "up.log").read_text()


def _private_key(path: Path) -> str:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    private: str = json.loads("\n".join(lines))["private"]
    return private.removesuffix(".ed25519")
