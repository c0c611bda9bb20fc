"""The page of a bot's own log, and the stream of new lines."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import AsyncClient, Client
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.models import Agent
from butt.agents.states import State
from butt.configuration import configuration
from butt.public.following import LINES, mark, since
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db(transaction=True)

STRANGER = f"@{'A' * 43}=.ed25519"


class Log:
    """A bot's own log, where the host keeps it."""

    def __init__(self, bot: Agent) -> None:
        self.path = configuration().home / "bots" / str(bot.id) / "log" / "pub.log"
        self.path.parent.mkdir(parents=True)

    def says(self, *messages: str, level: str = "info") -> None:
        with self.path.open("a") as file:
            for message in messages:
                said = {"time": "2026-01-01T12:00:00.000Z", "level": level, "message": message}
                file.write(json.dumps(said) + "\n")

    def turns(self) -> None:
        self.path.rename(self.path.with_name("pub.log.1"))


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, account("alice").agent)


@pytest.fixture
def log(bot: Agent) -> Iterator[Log]:
    return Log(bot)


@pytest.fixture
def alice(bot: Agent) -> Client:
    client = Client()
    client.force_login(Agent.objects.get(belongings__source_agent=bot).account)
    return client


def page(client: Client) -> str:
    return client.get("/bots/my/log").content.decode()


def test_the_newest_line_is_first_with_its_time_and_level(alice: Client, log: Log):
    log.says("The pub listens.")
    log.says("The disk is full.", level="error")
    shown = page(alice)
    assert shown.index("The disk is full.") < shown.index("The pub listens.")
    assert '<li data-level="error"><time datetime="2026-01-01T12:00:00+00:00">1 Jan 12:00:00</time>' in shown


def test_an_empty_log_says_so(alice: Client):
    assert '<p id="silence">' in page(alice)


def test_the_last_500_lines_are_shown_across_a_rotation(alice: Client, log: Log):
    log.says(*(f"line {n}." for n in range(300)))
    log.turns()
    log.says(*(f"line {n}." for n in range(300, 550)))
    shown = page(alice)
    assert shown.count("<li data-level") == LINES
    assert "line 549." in shown
    assert "line 50." in shown
    assert "line 49." not in shown


def test_no_secret_and_no_address_of_anybody_leaves_the_server(alice: Client, log: Log):
    seed = "B" * 43 + "="
    log.says(f"my.localhost:8100:{STRANGER}~{seed}", f"{STRANGER} from 203.0.113.9")
    shown = page(alice)
    for kept_back in (seed, STRANGER, "203.0.113.9"):
        assert kept_back not in shown
    assert "@AAAAAAAA… from [address]" in shown


def test_what_a_peer_says_is_escaped(alice: Client, log: Log):
    log.says("<script>alert(1)</script>")
    assert "<script>alert" not in page(alice)


def test_another_person_s_log_is_not_found(bot: Agent, log: Log):
    log.says("The pub listens.")
    bob = Client()
    bob.force_login(account("bob"))
    assert bob.get("/bots/my/log").status_code == 404
    assert bob.get("/bots/my/log/lines").status_code == 404
    assert Client().get("/bots/my/log/lines").status_code == 204


def test_a_log_that_cannot_be_read_says_why(alice: Client, log: Log):
    log.path.mkdir()
    assert "It cannot be read: Is a directory." in page(alice)


async def event_of(events: Any) -> tuple[str, str]:
    """The next event's id and data."""

    async def first() -> tuple[str, str]:
        async for chunk in events:
            if chunk.startswith(b"id: "):
                head, *data = chunk.decode().strip().split("\n")
                return head.removeprefix("id: "), "\n".join(data)
        raise AssertionError("the stream ended")

    return await asyncio.wait_for(first(), 20)


async def test_new_lines_are_sent_once_and_none_is_left_out(bot: Agent, log: Log):
    owner = await asyncio.to_thread(lambda: Agent.objects.get(belongings__source_agent=bot).account)
    client = AsyncClient()
    await client.aforce_login(owner)
    log.says("first.", "second.")
    read = (await client.get("/bots/my/log")).context["read"]
    log.says("between page and stream.")
    answer = await client.get(f"/bots/my/log/lines?read={read}")
    assert answer["Content-Type"] == "text/event-stream"
    events = aiter(answer.streaming_content)
    end, data = await event_of(events)
    assert "between page and stream." in data
    assert "second." not in data
    await events.aclose()

    log.says("while away.")
    again = await client.get("/bots/my/log/lines?read=long-ago", headers={"Last-Event-ID": end})
    events = aiter(again.streaming_content)
    _, data = await event_of(events)
    assert data.count("<li") == 1
    log.says("while there.", "and more.")
    _, data = await event_of(events)
    assert data.index("and more.") < data.index("while there.")
    await events.aclose()


@given(st.lists(st.uuids().map(str), unique=True), st.data())
def test_a_position_is_found_again(lines: list[str], data: st.DataObject):
    read = data.draw(st.integers(0, len(lines)))
    assert since(lines, mark(lines[:read])) == lines[read:]
    if read >= 3:
        assert since(lines[read - 3 :], mark(lines[:read])) == lines[read:], "the log's beginning is gone"
    assert since(lines, "unknown") == lines
