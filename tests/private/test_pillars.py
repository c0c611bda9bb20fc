"""Pillars over connections that are kept: the same answers, and none is lost with a connection."""

import asyncio
import json
from typing import Any

import pytest
from django.db import connection

from butt.configuration import configuration
from butt.machines import tokens
from butt.machines.models import Machine
from butt.private import pillars
from tests.machines.machines import machine, placed_bot
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alices() -> Machine:
    made = machine("m1")
    placed_bot(person("alice"), made)
    return made


def ask(token: str, minion_id: str = "m1", method: str = "GET") -> tuple[int, Any]:
    said: list[Any] = []

    async def send(event: Any) -> None:
        said.append(event)

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope: Any = {"type": "http", "method": method, "path": f"/agents/{minion_id}", "headers": headers}
    asyncio.run(pillars.send_pillar(scope, send))
    start, body = said
    return start["status"], json.loads(body["body"] or b"null")


def test_pillars_equal_those_of_the_view(alices: Machine):
    master = configuration().master_token()
    status, pillar = ask(master)
    assert (status, pillar["butt"]["agent"], len(pillar["butt"]["bots"])) == (200, "m1", 1)
    assert ask(master, "unknown")[0] == 404
    assert ask("wrong")[0] == 401
    assert ask(tokens.issue(alices))[0] == 403
    assert ask(master, method="HEAD") == (200, None)


def test_an_error_is_reported_and_the_next_request_is_answered(alices: Machine):
    master = configuration().master_token()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE machines_placement RENAME TO elsewhere")
    try:
        status, answer = ask(master)
        assert (status, answer["error"]["code"]) == (500, "broken")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO machines_placement")
    assert ask(master)[0] == 200


def test_a_machine_learns_the_private_servers_current_address(
    alices: Machine, monkeypatch: pytest.MonkeyPatch
):
    """Its own configuration has the address from when it joined: after a change of domain it would be cut
    off.
    """
    assert "server" not in ask(configuration().master_token())[1]["butt"]
    monkeypatch.setenv("BUTT_SALT", "master")
    monkeypatch.setenv("BUTT_PRIVATE_URL", "https://private.new.example.org")
    configuration.cache_clear()
    try:
        told = ask(configuration().master_token())[1]["butt"]
    finally:
        monkeypatch.undo()
        configuration.cache_clear()
    assert told["server"] == "https://private.new.example.org"
