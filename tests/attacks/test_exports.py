"""Whoever asks for one export after the other is refused at once, and keeps nobody's pages waiting."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from butt.agents.states import State
from butt.hosts.interface import Folder
from butt.limits.table import PERSON_EXPORTS
from tests.exports.folders import KEYS, fill, log_in
from tests.pages.server import Pages
from tests.scuttlekit.logs import message, record
from tests.service import Person, wait_for

AT_ONCE = 40
MESSAGES = 150_000


@pytest.fixture(scope="module", params=["processes", "salt"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with Pages(tmp_path_factory.mktemp("home"), host=request.param) as pages:
        yield pages


@pytest.fixture(scope="module")
def bot(site: Pages) -> Any:
    """It has a log that takes long to walk through; with Salt, its machine never sends it."""
    alice = site.person("alice@example.org")
    bot = site.bot_in(State.ALIVE, alice, "my")
    site.write(bot, "progress", ssb_id=KEYS.id)
    log = log_in(fill(Folder(site.home / "bots" / bot["id"])))
    with log.open("wb") as file:
        for number in range(MESSAGES):
            file.write(record(message(KEYS.id, number + 1, "hello " * 50), file.tell()))
    if site.environment["BUTT_HOST"] == "salt":
        placed(site, bot)
    return {**bot, "token": alice.token}


def placed(site: Pages, bot: Any) -> None:
    machine = "0" * 32
    site.insert(
        "machines_machine",
        {
            "id": machine,
            "minion_id": "m1",
            "state": "ready",
            "generation": 1,
            "seen_generation": 1,
            "trouble": "",
        }
        | {"facts": "{}", "strangers": "[]", "created_at": "2026-01-01"},
    )
    plain = {"machine_id": machine, "generation": 1, "run": 1, "launch": 1, "`order`": "{}", "seen": "{}"}
    site.insert("machines_placement", {"bot_id": bot["id"].replace("-", ""), **plain})


class Export(threading.Thread):
    """One of many that are asked for at once; nothing more is read than whether it was granted."""

    def __init__(self, site: Pages, bot: Any) -> None:
        super().__init__(daemon=True)
        self._line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        self._ask = f"/agents/{bot['id']}/export/log", {"Authorization": f"Bearer {bot['token']}"}
        self.status = 0

    def run(self) -> None:
        path, heads = self._ask
        with suppress(OSError, http.client.HTTPException):
            self._line.request("GET", path, headers=heads)
            self.status = self._line.getresponse().status

    def ends(self) -> None:
        self._line.close()


def test_forty_exports_at_once_keep_nobody_waiting(site: Pages, bot: Any):
    bob: Person = site.person("bob@example.org")
    exports = [Export(site, bot) for _ in range(AT_ONCE)]
    for export in exports:
        export.start()
    try:
        refused = AT_ONCE - PERSON_EXPORTS.most
        wait_for(lambda: Counter(export.status for export in exports)[429] == refused)
        # Over Salt, those that were let in wait for a machine that never sends.
        waiting = sum(export.status == 0 for export in exports)
        for _ in range(20):
            assert len(bob.call("GET", "/agents")["agents"]) == 1
        if site.environment["BUTT_HOST"] == "salt":
            assert waiting == PERSON_EXPORTS.most
        else:
            wait_for(lambda: Counter(export.status for export in exports)[200] == PERSON_EXPORTS.most)
    finally:
        for export in exports:
            export.ends()


def test_their_places_are_free_again_when_they_were_cut_off(site: Pages, bot: Any):
    exports = [Export(site, bot) for _ in range(PERSON_EXPORTS.most)]
    for export in exports:
        export.start()
    for export in exports:
        export.ends()

    def is_let_in() -> bool:
        export = Export(site, bot)
        export.start()
        export.join(3)
        export.ends()
        return export.status != 429

    wait_for(is_let_in)


def test_who_ran_into_the_limit_is_written_down(site: Pages, bot: Any):
    rows = wait_for(
        lambda: site.rows("SELECT who, times FROM limits_slowed WHERE `limit` = 'person-exports'")
    )
    counted = dict(rows)
    assert counted[""] >= AT_ONCE - PERSON_EXPORTS.most
    assert any(who.startswith("person ") for who in counted)
