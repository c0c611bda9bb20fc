"""PostgreSQL restarts under the whole service, as after a crash: every part finds it again by itself."""

import time
import uuid
from http.client import HTTPResponse
from pathlib import Path
from urllib.request import Request, urlopen

import requests

from chaos.database import restartable
from tests.public.test_connections import signs_in
from tests.service import LONG, Service, wait_for

A_ROUND_OF_ALL = 8.0
"""Seconds: the monitor's chores come every five."""


def told(page: HTTPResponse) -> bytes:
    """The next mark that an open page gets."""
    return next(line for line in page if line.startswith(b"data: "))


def a_stranger_sends_an_export(site: Service) -> int:
    url = f"http://127.0.0.1:{site.private_port}/agents/m1/exports/{uuid.uuid4()}"
    return requests.put(url, b"x", headers={"Authorization": "Bearer nobodys"}, timeout=20).status_code


def trouble(site: Service) -> int:
    return (site.home / "up.log").read_text().count("this round failed")


def test_actions_after_a_restart_work_and_the_parts_log_no_more_errors(tmp_path: Path, built_pub: Path):
    with (
        restartable() as (url, restart),
        Service(tmp_path / "home", built_pub, database_url=url) as site,
    ):
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("my")
        alice.waits_for("alive", bot)
        cookie = {"Cookie": signs_in(site, "alice@example.org")}
        page = urlopen(Request(f"{site.url}/live", headers=cookie), timeout=LONG)
        before = told(page)
        assert a_stranger_sends_an_export(site) == 401
        for _ in range(2):
            restart()
            time.sleep(1)
        path = f"/agents/{bot['id']}/stop"
        wait_for(lambda: site.ask("POST", path, token=alice.token)[0] == 202)
        alice.waits_for("stopped", bot)
        assert told(page) != before, "a page that was open all the while"
        page.close()
        assert a_stranger_sends_an_export(site) == 401
        time.sleep(A_ROUND_OF_ALL)
        troubles = trouble(site)
        time.sleep(A_ROUND_OF_ALL)
        assert trouble(site) == troubles
