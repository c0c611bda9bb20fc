"""Asking for many exports is refused at once, and does not delay other people's pages."""

import socket
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from butt.agents.states import State
from butt.hosts.interface import Folder
from butt.limits.table import PERSON_EXPORTS
from butt.machines.models import Machine, Placement
from tests.attacks.lines import line
from tests.exports.folders import KEYS, fill, log_in
from tests.pages.server import Pages
from tests.scuttlekit.logs import message, record
from tests.service import Person, wait_for

AT_ONCE = 40
MESSAGES = 30_000


@pytest.fixture(scope="module", params=["processes", "salt"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with Pages(tmp_path_factory.mktemp("home"), host=request.param) as pages:
        yield pages


@pytest.fixture(scope="module")
def bot(site: Pages) -> Any:
    """Its log takes long to read; with Salt, its machine never sends it."""
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
    machine = Machine(minion_id="m1", state=Machine.State.READY)
    bot_id = uuid.UUID(bot["id"])
    site.insert(machine, Placement(bot_id=bot_id, machine=machine, generation=1, run=True, launch=1))


def ask(site: Pages, bot: Any) -> socket.socket:
    """One of many exports that are asked for at once."""
    head = f"GET /agents/{bot['id']}/export/log HTTP/1.1\r\nHost: localhost\r\n"
    return line(site.door, f"{head}Authorization: Bearer {bot['token']}\r\n\r\n".encode())


def status_of(export: socket.socket, seconds: float = 0) -> int:
    """0 while there is no answer. Only the status is read."""
    export.settimeout(seconds)
    try:
        return int(export.recv(12, socket.MSG_PEEK)[9:])
    except (BlockingIOError, TimeoutError):
        return 0


@pytest.fixture
def exports() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for export in opened:
        export.close()


def test_forty_exports_at_once_delay_nobody(site: Pages, bot: Any, exports: list[socket.socket]):
    bob: Person = site.person("bob@example.org")
    exports += [ask(site, bot) for _ in range(AT_ONCE)]

    def answered() -> Counter[int]:
        return Counter(map(status_of, exports))

    wait_for(lambda: answered()[429] == AT_ONCE - PERSON_EXPORTS.most)
    for _ in range(20):
        assert len(bob.call("GET", "/agents")["agents"]) == 1
    if site.environment["BUTT_HOST"] == "salt":
        assert answered()[0] == PERSON_EXPORTS.most, "they wait for a machine that never sends"
    else:
        wait_for(lambda: answered()[200] == PERSON_EXPORTS.most)


def test_places_are_free_again_when_exports_are_cut_off(site: Pages, bot: Any, exports: list[socket.socket]):
    for export in [ask(site, bot) for _ in range(PERSON_EXPORTS.most)]:
        export.close()

    def is_let_in() -> bool:
        exports.append(ask(site, bot))
        return status_of(exports[-1], 3) != 429

    wait_for(is_let_in, 30)


def test_a_person_who_reached_the_limit_is_recorded(site: Pages, bot: Any):
    """They are recorded every few seconds, so it may come in two parts."""

    def counted() -> dict[str, int]:
        query = "SELECT who, times FROM limits_slowed WHERE `limit` = 'person-exports'"
        return dict(site.rows(query))

    refused = AT_ONCE - PERSON_EXPORTS.most
    wait_for(lambda: counted().get("", 0) >= refused)
    assert sum(times for who, times in counted().items() if who.startswith("person ")) >= refused
