"""PostgreSQL restarts under the whole service, as a crash does it: every part finds it again by itself."""

import time
from pathlib import Path

from chaos.database import restartable
from tests.service import Service, wait_for

A_ROUND_OF_ALL = 8.0
"""Seconds: the monitor's chores come every five."""


def trouble(site: Service) -> int:
    return (site.home / "up.log").read_text().count("did not end well")


def test_what_is_wished_after_a_restart_is_granted_and_the_parts_are_quiet(tmp_path: Path, built_pub: Path):
    with (
        restartable() as (url, restart),
        Service(tmp_path / "home", built_pub, database_url=url) as site,
    ):
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("my")
        alice.waits_for("alive", bot)
        for _ in range(2):
            restart()
            time.sleep(1)
        path = f"/agents/{bot['id']}/stop"
        wait_for(lambda: site.ask("POST", path, token=alice.token)[0] == 202)
        alice.waits_for("stopped", bot)
        time.sleep(A_ROUND_OF_ALL)
        before = trouble(site)
        time.sleep(A_ROUND_OF_ALL)
        assert trouble(site) == before
